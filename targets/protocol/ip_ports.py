"""The ports on which a board listens, unless it is told others."""

SMP_PORT = 1337  # UDP, as clients of SMP expect it; one datagram holds one frame
OSC_PORT = 9000  # UDP, plain packets without SLIP
HTTP_PORT = 9001  # TCP, OSCQuery
