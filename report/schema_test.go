package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// A node is a JSON value with its members in order.
type node struct {
	kind    string // as in a schema: object, array, string, number, integer, boolean, null
	members []member
	items   []*node
	text    string  // of a string; of another scalar, as it is written
	number  float64 // of a number
}

type member struct {
	name  string
	value *node
}

func (n *node) get(name string) *node {
	for _, m := range n.members {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

func parse(t *testing.T, b []byte) *node {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	n, err := parseNext(d)
	if err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return n
}

func parseNext(d *json.Decoder) (*node, error) {
	tok, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch v := tok.(type) {
	case string:
		return &node{kind: "string", text: v}, nil
	case bool:
		return &node{kind: "boolean", text: fmt.Sprint(v)}, nil
	case json.Number:
		f, err := v.Float64()
		kind := "number"
		if !strings.ContainsAny(v.String(), ".eE") {
			kind = "integer"
		}
		return &node{kind: kind, text: v.String(), number: f}, err
	case json.Delim:
		return parseInside(d, v)
	}
	return &node{kind: "null"}, nil
}

func parseInside(d *json.Decoder, open json.Delim) (*node, error) {
	n := &node{kind: "array"}
	if open == '{' {
		n.kind = "object"
	}
	for d.More() {
		name := ""
		if open == '{' {
			tok, err := d.Token()
			if err != nil {
				return nil, err
			}
			name = tok.(string)
		}
		value, err := parseNext(d)
		if err != nil {
			return nil, err
		}
		if open == '{' {
			n.members = append(n.members, member{name, value})
		} else {
			n.items = append(n.items, value)
		}
	}
	_, err := d.Token()
	return n, err
}

// A schema checks values by the keywords that events.schema.json uses.
type schema struct{ root *node }

func readSchema(t *testing.T) *schema {
	t.Helper()
	b, err := os.ReadFile("events.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return &schema{parse(t, b)}
}

// check reports what is wrong with an event.
func (s *schema) check(t *testing.T, line []byte) {
	t.Helper()
	n := parse(t, line)
	kind := n.get("type")
	if kind == nil || n.members[0].name != "type" || s.root.get("$defs").get(kind.text) == nil {
		t.Fatalf("%s: the type is not known, or not first", line)
	}
	if err := s.fits(s.root.get("$defs").get(kind.text), n, kind.text); err != nil {
		t.Errorf("%s\n%v", line, err)
	}
}

// keywords are what fits looks at, or may pass over. It is a function because
// some of them lead back to fits.
func keywords() map[string]func(s *schema, rule, whole, n *node, path string) error {
	return map[string]func(s *schema, rule, whole, n *node, path string) error{
		"description": nil, "required": (*schema).required, "properties": (*schema).properties, "additionalProperties": (*schema).closed,
		"$ref": (*schema).ref, "type": (*schema).kind, "const": (*schema).constant, "enum": (*schema).enum, "pattern": (*schema).pattern,
		"minimum": (*schema).minimum, "maximum": (*schema).maximum, "items": (*schema).items, "minItems": (*schema).minItems, "maxItems": (*schema).maxItems,
	}
}

func (s *schema) fits(rules, n *node, path string) error {
	known := keywords()
	for _, m := range rules.members {
		f, ok := known[m.name]
		if !ok {
			return fmt.Errorf("%s: the test does not know the keyword %s", path, m.name)
		}
		if f == nil {
			continue
		}
		if err := f(s, m.value, rules, n, path); err != nil {
			return err
		}
	}
	return nil
}

func (s *schema) ref(rule, _, n *node, path string) error {
	def := s.root.get("$defs").get(strings.TrimPrefix(rule.text, "#/$defs/"))
	if def == nil {
		return fmt.Errorf("%s: no %s", path, rule.text)
	}
	return s.fits(def, n, path)
}

func (s *schema) kind(rule, _, n *node, path string) error {
	if n.kind != rule.text && !(rule.text == "number" && n.kind == "integer") {
		return fmt.Errorf("%s is a %s, not a %s", path, n.kind, rule.text)
	}
	return nil
}

func (s *schema) constant(rule, _, n *node, path string) error {
	if n.text != rule.text {
		return fmt.Errorf("%s is %s, not %s", path, n.text, rule.text)
	}
	return nil
}

func (s *schema) enum(rule, _, n *node, path string) error {
	for _, it := range rule.items {
		if it.text == n.text {
			return nil
		}
	}
	return fmt.Errorf("%s: %q is none of the values", path, n.text)
}

func (s *schema) pattern(rule, _, n *node, path string) error {
	if !regexp.MustCompile(rule.text).MatchString(n.text) {
		return fmt.Errorf("%s: %q does not look like %s", path, n.text, rule.text)
	}
	return nil
}

func (s *schema) minimum(rule, _, n *node, path string) error {
	if n.number < rule.number {
		return fmt.Errorf("%s is %s, below %s", path, n.text, rule.text)
	}
	return nil
}

func (s *schema) maximum(rule, _, n *node, path string) error {
	if n.number > rule.number {
		return fmt.Errorf("%s is %s, above %s", path, n.text, rule.text)
	}
	return nil
}

func (s *schema) minItems(rule, _, n *node, path string) error {
	if float64(len(n.items)) < rule.number {
		return fmt.Errorf("%s has %d items", path, len(n.items))
	}
	return nil
}

func (s *schema) maxItems(rule, _, n *node, path string) error {
	if float64(len(n.items)) > rule.number {
		return fmt.Errorf("%s has %d items", path, len(n.items))
	}
	return nil
}

func (s *schema) items(rule, _, n *node, path string) error {
	for i, it := range n.items {
		if err := s.fits(rule, it, fmt.Sprintf("%s[%d]", path, i)); err != nil {
			return err
		}
	}
	return nil
}

func (s *schema) required(rule, _, n *node, path string) error {
	for _, name := range rule.items {
		if n.get(name.text) == nil {
			return fmt.Errorf("%s has no %s", path, name.text)
		}
	}
	return nil
}

// properties checks the members, and that they stand in the schema's order.
func (s *schema) properties(rule, _, n *node, path string) error {
	at := 0
	for i, p := range rule.members {
		value := n.get(p.name)
		if value == nil {
			continue
		}
		if err := s.fits(p.value, value, path+"."+p.name); err != nil {
			return err
		}
		if at < len(n.members) && n.members[at].name != p.name {
			return fmt.Errorf("%s: %s stands where %s (%d) should", path, n.members[at].name, p.name, i)
		}
		at++
	}
	return nil
}

func (s *schema) closed(_, whole, n *node, path string) error {
	seen := map[string]bool{}
	for _, m := range n.members {
		if whole.get("properties").get(m.name) == nil {
			return fmt.Errorf("%s: no member %s is in the schema", path, m.name)
		}
		if seen[m.name] {
			return fmt.Errorf("%s has %s twice", path, m.name)
		}
		seen[m.name] = true
	}
	return nil
}
