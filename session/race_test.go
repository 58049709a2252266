//go:build race

package session_test

// raced says that the race detector is on: everything takes ten times as long.
const raced = true

// places is how many packets of a recording are moved or doubled in turn.
const places = 8
