package diagnose

import "testing"

func TestNamesSecret(t *testing.T) {
	for _, tc := range []struct {
		text string
		want bool
	}{
		{`{"a":NaN}`, false}, {`{"password":"x","a":NaN}`, true}, {`{'token': 'x', 'a': None}`, true}, {`{apiKey : 1, a: NaN}`, true},
		{`{\"secret\":1}{`, true}, {`a=1&access_token=5`, true}, {`:=`, false}, {``, false},
	} {
		if got := namesSecret([]byte(tc.text)); got != tc.want {
			t.Errorf("%s: %v", tc.text, got)
		}
	}
}
