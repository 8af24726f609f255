"""The service, drawn instead of generated: the same wire, the same oddities, no bill.

``python -m wan_nb.simulator`` serves it, `launch.ensure` finds or starts the one of a folder. Its rooms::

    launch, __main__               one simulator per state folder, alive as long as its kernels
    server, handler, storage       the wire: API, object storage          control   the desk under /_simulator/
    mishaps, faults                what goes wrong on purpose
    service, answers, checks       what the service says                  world     all it holds, and what tests turn
    work, limits, clock            queue, slots, rates, time              knobs     ... with these
    materials, uploads, store      pictures, sounds, clips; disk
    drawing/                       clips drawn from a request
"""
