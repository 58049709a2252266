package main

import (
	"fmt"
	"strings"
	"testing"
)

// suite is how many cases each group of the Autobahn test suite has; 6.5 to
// 6.23, 12 and 13 are made by loops there, too.
var suite = map[string]int{
	"1.1": 8, "1.2": 8, "2": 11, "3": 7, "4.1": 5, "4.2": 5, "5": 20,
	"6.1": 3, "6.2": 4, "6.3": 2, "6.4": 4, "6.5": 5, "6.6": 11, "6.7": 4, "6.8": 2, "6.9": 4, "6.10": 3, "6.11": 5, "6.12": 8,
	"6.13": 5, "6.14": 10, "6.15": 1, "6.16": 3, "6.17": 5, "6.18": 5, "6.19": 5, "6.20": 7, "6.21": 8, "6.22": 34, "6.23": 7,
	"7.1": 6, "7.3": 6, "7.5": 1, "7.7": 13, "7.9": 9, "7.13": 2,
	"9.1": 6, "9.2": 6, "9.3": 9, "9.4": 9, "9.5": 6, "9.6": 6, "9.7": 6, "9.8": 6, "10.1": 1,
	"12.1": 18, "12.2": 18, "12.3": 18, "12.4": 18, "12.5": 18,
	"13.1": 18, "13.2": 18, "13.3": 18, "13.4": 18, "13.5": 18, "13.6": 18, "13.7": 18,
}

// TestAutobahnList holds that each case of the suite is played, and names
// those that are not.
func TestAutobahnList(t *testing.T) {
	played := map[string]bool{}
	for _, rows := range [][]row{framingRows(), reservedRows(), fragmentRows(), utf8Rows(), closingRows(), limitRows()} {
		for _, r := range rows {
			id, _, _ := strings.Cut(r.number, " ")
			played[id] = true
		}
	}
	for _, c := range deflateCases() {
		played[c.id] = true
	}
	total := 0
	for group, n := range suite {
		total += n
		for i := range n {
			id := fmt.Sprintf("%s.%d", group, i+1)
			if !played[id] {
				t.Errorf("%s is not played", id)
			}
			delete(played, id)
		}
	}
	for id := range played {
		t.Errorf("the suite has no %s", id)
	}
	if total != 517 {
		t.Errorf("the list has %d cases, the suite 517", total)
	}
}
