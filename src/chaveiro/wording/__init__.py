"""What people read: a sentence for every refusal, and days, numbers and countries, in both languages.

    sentence(refusal, language)       what is refused, and why
    what_to_do(refusal, language)     who can lift it, and what to do now
    problem_title(code, language)     a few words for the kind of refusal

The code of a refusal is for ever; these words may change. Source: product, the words; experience, 10.
"""

from chaveiro.wording.figures import LANGUAGES, Figures, country_codes, figures, time_zone_of, time_zones
from chaveiro.wording.saying import problem_title, said, said_to_do, sentence, what_to_do

__all__ = [
    "LANGUAGES",
    "Figures",
    "country_codes",
    "figures",
    "problem_title",
    "said",
    "said_to_do",
    "sentence",
    "time_zone_of",
    "time_zones",
    "what_to_do",
]
