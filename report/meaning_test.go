package report

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wssniff/wssniff/subprotocol"
)

// TestSchemaProtocols holds that the schema names the protocols that there are.
func TestSchemaProtocols(t *testing.T) {
	data, err := os.ReadFile("events.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs struct {
			Info struct {
				Properties struct {
					Protocol struct{ Enum []string }
					Kind     struct{ Enum []string }
				}
			} `json:"subprotocol_info"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(subprotocol.Protocols(), schema.Defs.Info.Properties.Protocol.Enum); diff != "" {
		t.Errorf("protocols (-package +schema):\n%s", diff)
	}
	for k, name := range schema.Defs.Info.Properties.Kind.Enum {
		if got := subprotocol.Kind(k).String(); got != name {
			t.Errorf("kind %d is %s, the schema has %s", k, got, name)
		}
	}
}
