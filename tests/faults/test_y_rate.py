import time
from tests.faults.test_races import *
def test_rate(server, real_database):
    world = build_world()
    texts = make_keys(world, 400)
    import cProfile, pstats
    t=time.perf_counter()
    for i,t_ in enumerate(texts[:200]):
        redeem(actor=world.ana, order=opening([t_], f"aa{i}"), means=means())
    print("win ms", (time.perf_counter()-t)*5)
    t=time.perf_counter(); c=time.process_time()
    p=cProfile.Profile()
    for i,t_ in enumerate(texts[:200]):
        try: redeem(actor=world.ana, order=opening([t_], f"bb{i}"), means=means())
        except Refusals: pass
    print("lose ms", (time.perf_counter()-t)*5, "cpu", (time.process_time()-c)*5)
    p.enable()
    for i,t_ in enumerate(texts[:200]):
        try: redeem(actor=world.ana, order=opening([t_], f"bb{i}"), means=means())
        except Refusals: pass
    p.disable()
    pstats.Stats(p).sort_stats("tottime").print_stats(14)
    for n in (1,2,4,8):
        tx = make_keys(world, 200)
        told, s = contested(server, real_database, contest_of(world, tx, 5, n))
        print(n, "clients attempts/s", 200*n/s, s)
