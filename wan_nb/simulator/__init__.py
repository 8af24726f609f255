"""A local server that speaks the service's API and draws clips instead of generating them, free of charge.

``python -m wan_nb.simulator`` runs it, `launch.ensure` finds or starts that of a state folder. Its parts::

    launch, __main__               one simulator per state folder, running as long as its kernels
    wire/                          HTTP: the API, object storage, control under /_simulator/, broken answers
    account/                       what an account holds: tasks, uploads, limits, clock, faults, configuration
    service, schedule, answers     what the service does, when, and what it says
    drawing/                       clips drawn from a request
"""
