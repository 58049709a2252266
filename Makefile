.PHONY: check bench fuzz

check:
	bash .ci/run

bench:
	go test -run '^$$' -bench . -benchmem ./...

fuzz:
	bash .ci/run fuzz
