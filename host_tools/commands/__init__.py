"""One file a verb: HELP, arguments, run. The table of verbs is in host_tools.main."""
