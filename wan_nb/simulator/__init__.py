"""The service, drawn instead of generated: the same wire, the same oddities, no bill.

``python -m wan_nb.simulator`` serves it, `launch.ensure` finds or starts the one of a folder. Its rooms::

    launch, __main__               one simulator per state folder, alive as long as its kernels
    wire/                          HTTP: the API, its storage, the control under /_simulator/, answers that are broken
    account/                       what an account holds: tasks, uploads, limits, clock, faults, configuration
    service, schedule, answers     what the service does, when, and what it says
    drawing/                       clips drawn from a request
"""
