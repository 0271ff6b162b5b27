"""The states of the pages of those who are signed in: mistakes in their forms, dry runs, work that waits."""

from __future__ import annotations

from collections.abc import Sequence

from tests.web.person import Person
from tests.web.states import Scene, on

MANY = "1500"  # more than one person may order alone
BLANKED = (
    "main input:is([type=text],[type=email],[type=search],[type=password],:not([type])):visible, main textarea:visible"
)


def emptied(scene: Scene, person: Person, at: str, paths: Sequence[str]) -> None:
    """Forms that are sent with nothing in them."""
    page = person.page
    for path in paths:
        scene.go(person, at + path)
        for field in page.locator(BLANKED).all():
            field.fill("")
        page.locator("main form[method=post] button:visible").last.click()
        page.wait_for_load_state()
        scene.look(page, path.partition("?")[0].strip("/").replace("/", "-") + "-nothing-typed")


def customers(scene: Scene) -> None:
    """A customer's administrator extends, and gets settings wrong."""
    person, at = scene.signed_in("customer")
    page = person.page
    scene.look(page, "customer-home")
    page.locator("a[href*='/subscriptions/']").first.click()
    page.wait_for_load_state()
    scene.look(page, "customer-subscription")
    subscription = page.url.rpartition("/")[2]
    page.locator("a[href$='/renew']").first.click()
    page.wait_for_load_state()
    scene.look(page, "customer-renew")
    page.locator("#key-1").fill(next(scene.keys))
    page.locator("main button[value=calculate]").click()
    page.wait_for_load_state()
    scene.look(page, "customer-renew-calculated")
    page.locator("main button[value=redeem]").click()
    page.wait_for_load_state()
    scene.look(page, "customer-renew-not-declared")
    scene.go(person, f"{at}/redeem?for={subscription}&purpose=extend")
    scene.look(page, "customer-extend-start")
    page.locator("main form button").first.click()
    page.wait_for_load_state()
    person.tick("I confirm that I am authorised to redeem these keys on behalf of the organisation")
    on(person)
    page.locator("#key-1").fill(next(scene.keys))
    on(person)
    on(person)
    if page.locator("#seats_after").count():
        scene.look(page, "customer-purpose")
        page.locator("input[value^='extend:']").first.check()
        page.locator("#seats_after").fill("7")
        page.locator("main button[value=calculate]").click()
        page.wait_for_load_state()
        scene.look(page, "customer-purpose-calculated")
        on(person)
    scene.look(page, "customer-confirm-extend")
    scene.go(person, f"{at}/partner")
    page.locator("#registration_number").fill("7777777")
    page.locator("main button[value=find]").click()
    page.wait_for_load_state()
    scene.look(page, "customer-partner-unknown")
    emptied(scene, person, at, ("/settings/name", "/settings/email", "/settings/security/password"))
    scene.go(person, f"{at}/settings/security/second-step", "customer-second-step")
    scene.go(person, f"{at}/confirm-it-is-you", "customer-confirm-it-is-you")
    scene.go(person, f"{at}/desk/batches", "customer-no-such-page-for-them")
    page.context.clear_cookies(name="session")
    scene.go(person, f"{at}/home", "customer-session-ended")
    page.context.close()


def partners(scene: Scene) -> None:
    """A partner finds nobody, looks at a reversal before it happens, and redeems for a customer."""
    person, at = scene.signed_in("partner")
    page = person.page
    scene.look(page, "partner-home")
    scene.go(person, f"{at}/customers?name=zzzz&q=zzzz", "partner-customers-filtered")
    scene.go(person, f"{at}/receipts?q=zzzz&reference=R-0000-0000", "partner-receipts-filtered")
    to_the_keys_as_partner(scene, person, at)
    scene.go(person, f"{at}/receipts")
    page.locator("main table a[href*='/receipts/R-']").first.click()
    page.wait_for_load_state()
    scene.look(page, "partner-receipt")
    if page.locator("a[href$='/reverse']").count():
        page.locator("a[href$='/reverse']").first.click()
        page.wait_for_load_state()
        scene.look(page, "partner-reverse-dry-run")
    page.context.close()


def to_the_keys_as_partner(scene: Scene, person: Person, at: str) -> None:
    page = person.page
    scene.go(person, f"{at}/redeem")
    page.locator("main form button").first.click()
    page.wait_for_load_state()
    scene.look(page, "partner-attest")
    person.tick("I confirm that I am authorised to redeem these keys on behalf of the organisation")
    on(person)
    page.locator("#key-1").fill(next(scene.keys))
    on(person)
    on(person)
    scene.look(page, "partner-purpose")


def distributors(scene: Scene) -> None:
    person, at = scene.signed_in("distributor")
    scene.look(person.page, "distributor-home")
    scene.go(person, f"{at}/stock", "distributor-stock")
    scene.go(person, f"{at}/customers", "distributor-customers")
    person.page.context.close()


def operators(scene: Scene) -> None:
    """The vendor's desk: orders that wait, releases and recalls before they happen, searches that find nothing."""
    person, at = scene.signed_in("operator")
    scene.go(person, f"{at}/home", "operator-home")
    forms = ("/desk/new-product", "/desk/batches/new?product=office-basic", "/desk/partners/add", "/desk/operators/add")
    emptied(scene, person, at, forms)
    _products(scene, person, at)
    _orders(scene, person, at)
    _batches(scene, person, at)
    _searches(scene, person, at)
    _redemptions(scene, person, at)
    person.page.context.close()


def _products(scene: Scene, person: Person, at: str) -> None:
    page = person.page
    scene.go(person, f"{at}/desk/products/office-basic/version")
    page.locator("main button[value=check]").click()
    page.wait_for_load_state()
    scene.look(page, "product-nothing-changed")
    scene.go(person, f"{at}/desk/products/office-basic/version")
    page.locator("#name_pt").fill("Escritório Essencial 2")
    page.locator("main button[value=check]").click()
    page.wait_for_load_state()
    scene.look(page, "product-check")


def _orders(scene: Scene, person: Person, at: str) -> None:
    page = person.page
    scene.go(person, f"{at}/desk/batches/new?product=office-basic&count={MANY}&seats=5&months=12")
    page.locator("main button[value=check]").click()
    page.wait_for_load_state()
    scene.look(page, "order-check-takes-two")
    page.locator("main button[value=order]").click()
    page.wait_for_load_state()
    scene.look(page, "order-lock-not-chosen")
    page.locator("input[value=suggested]").check()
    page.locator("main button[value=order]").click()
    page.wait_for_load_state()
    if page.locator("main form[action$='/confirm-it-is-you']").count():
        scene.look(page, "order-confirm-it-is-you")
        return
    scene.look(page, "order-waits")
    page.locator("a[href*='/desk/batches/']").last.click()
    page.wait_for_load_state()
    scene.look(page, "batch-waits-for-approval")


def _batches(scene: Scene, person: Person, at: str) -> None:
    page = person.page
    scene.go(person, f"{at}/desk/batches?stage=recalled", "batches-none-of-that-kind")
    scene.go(person, f"{at}/desk/batches?stage=released")
    page.locator("main table a[href*='/desk/batches/']").first.click()
    page.wait_for_load_state()
    scene.look(page, "batch-for-sale")
    number = page.url.rpartition("/")[2]
    scene.go(person, f"{at}/desk/batches/{number}/recall", "recall-dry-run")
    page.locator("main button[value=recall]").click()
    page.wait_for_load_state()
    scene.look(page, "recall-without-a-reason")
    scene.go(person, f"{at}/desk/batches/{number}/release")
    page.locator("main button[value=check]").click()
    page.wait_for_load_state()
    scene.look(page, "release-which")
    scene.go(person, f"{at}/desk/batches/{number}/export", "export-none")


def _searches(scene: Scene, person: Person, at: str) -> None:
    page = person.page
    for name, text in (("nothing-found", "zzzzzz"), ("many-found", "a"), ("an-unreadable-key", "AAAAA-" * 4 + "AAAAA")):
        scene.go(person, f"{at}/desk/search")
        page.locator("main #q").fill(text)
        page.locator("main form[role=search] button").click()
        page.wait_for_load_state()
        scene.look(page, f"search-{name}")
    page.locator("main #q").fill(next(scene.keys))
    page.locator("main form[role=search] button").click()
    page.wait_for_load_state()
    scene.look(page, "search-a-key-found")
    scene.go(person, page.url.removeprefix(scene.standing.url).partition("?")[0] + "/revoke", "revoke-dry-run")


def _redemptions(scene: Scene, person: Person, at: str) -> None:
    page = person.page
    scene.go(person, f"{at}/desk/redemptions", "redemptions")
    page.locator("main table a[href*='/desk/redemptions/R-']").first.click()
    page.wait_for_load_state()
    here = page.url.removeprefix(scene.standing.url)
    scene.look(page, "redemption")
    scene.go(person, f"{here}/reverse", "reverse-dry-run")
    scene.go(person, f"{here}/correct?words=zzzz", "correct-nobody-found")
    scene.go(person, f"{here}/correct?words=a", "correct-which-customer")
    page.locator("ul.tasks a[href^='?customer=']").last.click()
    page.wait_for_load_state()
    scene.look(page, "correct-what-for")
