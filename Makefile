# make repro   a fine-tuned classifier and its report, from whatever changed
# make help    everything else
PYTHON ?= python3

.DEFAULT_GOAL := help
TARGETS := help environment dev-environment start repro review predict evaluate shards pack compare experiments seeds report test-set test thorough quick lint doctest generated check deps layers site requirements.txt
.PHONY: $(TARGETS)

# The names of what stands on the command line, so that a misspelt one is refused. Those of a make
# around this one are its own.
override MAKE_VARIABLES := $(if $(filter 0,$(MAKELEVEL)),$(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name))))

# What a person sets reaches the commands as text: `value` keeps make from expanding it, and it goes
# by the environment, so that no $(...), ; or * in it runs or matches anything.
override BASE := $(value BASE)
override REV := $(value REV)
override N := $(value N)
override OTHER := $(value OTHER)
override PHOTOS := $(value PHOTOS)
override OUT := $(value OUT)
override CROPS := $(value CROPS)
override TORCH := $(value TORCH)
override COPY := $(value COPY)
override TAKE := $(value TAKE)
override YES := $(value YES)
# Whether a person asked for the environment, which other commands make on their way.
override GOALS := $(MAKECMDGOALS)
export BASE REV N OTHER PHOTOS OUT CROPS TORCH COPY TAKE YES GOALS MAKE_VARIABLES

# stages/tools/command_lines.py has every command line, for those without make too.
$(filter-out check,$(TARGETS)):
	@$(or $(wildcard $(or $(FINETRACK_VENV),.venv)/bin/python),$(PYTHON)) -m stages.tools.run $@

# Under -j no two of them make the environment at once.
dev-environment: environment
start repro review predict evaluate shards pack compare experiments seeds report test-set generated deps layers: environment
lint doctest test thorough quick: dev-environment

# With -j2 lint and doctests run side by side; each keeps one core busy.
check: lint doctest
	@$(MAKE) test
