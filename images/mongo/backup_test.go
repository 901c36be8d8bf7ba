package main

import (
	"os"
	"strings"
	"testing"
)

func TestDumpedCountsWhatIsNotTheServersOwn(t *testing.T) {
	output := strings.Join([]string{
		"2026-11-28T19:00:00.000+0000\twriting shop.items to archive 'x'",
		"2026-11-28T19:00:00.000+0000\tdone dumping shop.items (200 documents)",
		"2026-11-28T19:00:00.000+0000\tdone dumping shop.a.b (1 document)",
		"2026-11-28T19:00:00.000+0000\tdone dumping admin.system.users (3 documents)",
		"2026-11-28T19:00:00.000+0000\tdone dumping config.settings (1 document)",
	}, "\n")
	if got := dumped(output); got != 201 {
		t.Errorf("got %d", got)
	}
}

func TestRestored(t *testing.T) {
	got, err := restored("2026\t201 document(s) restored successfully. 0 document(s) failed to restore.\n")
	if got != 201 || err != nil {
		t.Errorf("got %d, %v", got, err)
	}
	for _, output := range []string{"", "9 document(s) restored successfully. 1 document(s) failed to restore."} {
		if _, err := restored(output); err == nil {
			t.Errorf("%q: accepted", output)
		}
	}
}

func TestAPasswordIsInAFileOfItsUserAlone(t *testing.T) {
	path, err := passwordFile(`a"b: c`)
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(path)
	stats, err := os.Stat(path)
	if err != nil || stats.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v", stats.Mode(), err)
	}
	text, err := os.ReadFile(path)
	if err != nil || string(text) != `{"password":"a\"b: c"}` {
		t.Errorf("got %s, %v", text, err)
	}
}
