package main

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// What Nginx 1.26 with ModSecurity 3 and CRS 3.3.7 wrote, with a seal in front of the id.
const (
	seal    = "KNOWNTONOBODY"
	word    = "0123456789abcdef0123456789abcdef"
	request = "2305e1c3-0d4c-ae10-0cfb-effd748fc850"
	begins  = `2026/11/30 22:22:37 `
	info    = begins + `[info] 34#34: *1 ModSecurity: Warning. `
	denied  = begins + `[error] 34#34: *1 [client 172.22.0.1] ModSecurity: Access denied with code 403 (phase 2). `
	xss     = `[file "/usr/share/modsecurity-crs/rules/REQUEST-941-APPLICATION-ATTACK-XSS.conf"] [line "64"] [id "941110"] [rev ""] [msg "XSS Filter - Category 1: Script Tag Vector"] `
	sum     = `[file "/usr/share/modsecurity-crs/rules/REQUEST-949-BLOCKING-EVALUATION.conf"] [line "81"] [id "949110"] [rev ""] [msg "Inbound Anomaly Score Exceeded (Total Score: 15)"] [data ""] `
)

// The end of a line: the path is written as it was sent, less its encoding.
func ends(path string) string {
	return `[severity "2"] [ver "OWASP_CRS/3.3.7"] [tag "OWASP_CRS"] [hostname "172.22.0.2"] [uri "` + path + `"] [unique_id "` +
		seal + word + request + `"] [ref "o8,8v8,56t:utf8toUnicode"], client: 172.22.0.1, server: shop.test, request: "GET /`
}

// What becomes of lines, alarms included.
func written(t *testing.T, blocks bool, lines ...string) []map[string]any {
	t.Helper()
	var out bytes.Buffer
	log := &journal{out: &out}
	log.errors(strings.NewReader(strings.Join(lines, "\n")+"\n"), blocks, seal)
	time.Sleep(gather + 200*time.Millisecond)
	log.mutex.Lock()
	defer log.mutex.Unlock()
	var all []map[string]any
	for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		if line == "" {
			continue
		}
		var one map[string]any
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, one)
	}
	return all
}

func expect(t *testing.T, of map[string]any, fields map[string]any) {
	t.Helper()
	for name, value := range fields {
		var want any
		text, _ := json.Marshal(value)
		json.Unmarshal(text, &want)
		if !reflect.DeepEqual(of[name], want) {
			t.Errorf("%s is %v, expected %v", name, of[name], want)
		}
	}
}

// Whose request it was, whatever was sent.
var whose = map[string]any{
	"logger": "firewall", "id": request, "client": "172.22.0.1", "host": "shop.test", "method": "GET",
}

func TestOneAlarmForAllLinesOfARequest(t *testing.T) {
	value := "against variable `ARGS:q' (Value: `<script>alert(1)</script>' ) "
	lines := []string{
		info + value + xss + `[data "Matched Data: <script> found within ARGS:q: <script>alert(1)</script>"] ` + ends("/a") + `a?q=%3Cscript%3E HTTP/2.0", host: "shop.test"`,
		denied + "against variable `TX:ANOMALY_SCORE' (Value: `15' ) " + sum + ends("/a") + `a?q=%3Cscript%3E HTTP/2.0", host: "shop.test"`,
	}
	for _, blocks := range []bool{true, false} {
		all := written(t, blocks, lines...)
		if len(all) != 1 {
			t.Fatalf("expected one alarm, got %v", all)
		}
		expect(t, all[0], whose)
		expect(t, all[0], map[string]any{
			"path": "/a", "blocked": blocks, "score": 15, "rules": []int{941110, 949110},
			"matches": []match{
				{941110, "XSS Filter - Category 1: Script Tag Vector", "ARGS:q"},
				{949110, "Inbound Anomaly Score Exceeded (Total Score: 15)", "TX:ANOMALY_SCORE"},
			},
		})
		if text, _ := json.Marshal(all); strings.Contains(string(text), "script>") {
			t.Errorf("what was sent is in the alarm: %s", text)
		}
	}
}

func TestWhatWasSentDoesNotSayWhoseRequestItWas(t *testing.T) {
	forged := `, client: 6.6.6.6, server: evil, request: "POST `
	sealed := `"] [unique_id "forged-forged"] [ref ""]` + forged
	value := "against variable `ARGS:q' (Value: `%s' ) "
	data := `[data "Matched Data: <script> found within ARGS:q: ` + forged[:30] + `"] `
	for name, line := range map[string]string{
		"a value":  strings.Replace(value, "%s", forged+sealed, 1) + xss + data + ends("/") + `x HTTP/2.0"`,
		"a path":   strings.Replace(value, "%s", "", 1) + xss + ends(`/`+sealed) + `x HTTP/2.0"`,
		"a header": strings.Replace(value, "%s", "", 1) + xss + ends("/") + `x HTTP/2.0", host: "shop.test", referrer: "` + sealed + `"`,
	} {
		t.Run(name, func(t *testing.T) {
			all := written(t, true, info+line)
			if len(all) != 1 {
				t.Fatalf("expected one alarm, got %v", all)
			}
			expect(t, all[0], whose)
		})
	}
}

func TestARuleThatWasSentDoesNotHideTheOneThatMatched(t *testing.T) {
	sent := strings.ReplaceAll(xss, "941110", "920350")
	all := written(t, true, denied+"against variable `ARGS:q' (Value: `"+sent+"' ) "+xss+ends("/")+`x HTTP/2.0"`)
	expect(t, all[0], whose)
	expect(t, all[0], map[string]any{"rules": []int{920350, 941110}, "blocked": true})
	// A word of one that was let pass does not make it one that was not.
	all = written(t, true, info+"(Value: `[client 1.1.1.1] ModSecurity: Access denied' ) "+xss+ends("/")+`x HTTP/2.0"`)
	expect(t, all[0], map[string]any{"blocked": false})
}

func TestRequestsOfTwoClientsWithOneIdAreTwoAlarms(t *testing.T) {
	mine := xss + ends("/") + `x HTTP/2.0"`
	another := strings.NewReplacer("172.22.0.1", "172.22.0.9", word, strings.Repeat("f", 32)).Replace(mine)
	all := written(t, true, info+mine, info+another)
	if len(all) != 2 {
		t.Fatalf("expected two alarms, got %v", all)
	}
	clients := []string{all[0]["client"].(string), all[1]["client"].(string)}
	slices.Sort(clients)
	if !slices.Equal(clients, []string{"172.22.0.1", "172.22.0.9"}) {
		t.Errorf("alarms of %v", clients)
	}
	for _, alarm := range all {
		expect(t, alarm, map[string]any{"id": request})
	}
}

func TestLinesThatNginxHasCutAreOneAlarmOfTheirConnection(t *testing.T) {
	path := `[hostname "172.22.0.2"] [uri "/` + strings.Repeat("secret", 300)
	other := strings.NewReplacer("*1 ", "*2 ", "172.22.0.1", "172.22.0.9")
	lines := []string{info + xss + path, other.Replace(info + xss + path), denied + sum + path, other.Replace(denied + sum + path)}
	all := written(t, true, lines...)
	if len(all) != 2 {
		t.Fatalf("expected an alarm for each connection, got %v", all)
	}
	clients := []string{all[0]["client"].(string), all[1]["client"].(string)}
	slices.Sort(clients)
	if !slices.Equal(clients, []string{"172.22.0.1", "172.22.0.9"}) {
		t.Errorf("clients are %v", clients)
	}
	for _, one := range all {
		expect(t, one, map[string]any{
			"logger": "firewall", "id": "", "path": "", "blocked": true, "score": 15, "rules": []int{941110, 949110},
		})
	}
	all = written(t, true, denied+"(Value: `"+strings.Repeat("secret", 300))
	if len(all) != 1 || strings.Contains(all[0]["message"].(string), "secret") {
		t.Errorf("expected that it could not be read, got %v", all)
	}
}

func TestWhatIsKnownOfARequestIsTold(t *testing.T) {
	whole := ends("/a") + `a HTTP/2.0", host: "shop.test"`
	for name, of := range map[string]struct{ line, client, host, method string }{
		"a method with a hyphen": {strings.Replace(whole, `"GET `, `"GET-X `, 1), "172.22.0.1", "shop.test", "GET-X"},
		"a method beyond measure": {
			strings.Replace(whole, `"GET `, `"`+strings.Repeat("G", 40)+" ", 1), "172.22.0.1", "shop.test", "",
		},
		"cut behind the id": {whole[:strings.Index(whole, ` [ref "`)+9], "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			all := written(t, true, info+xss+of.line)
			expect(t, all[0], map[string]any{"id": request, "client": of.client, "host": of.host, "method": of.method})
		})
	}
}

func TestAScoreThatWasSentIsNoLowerOne(t *testing.T) {
	sent := strings.ReplaceAll(sum, "15", "1")
	other := strings.ReplaceAll(strings.ReplaceAll(sum, "15", "99"), "949110", "1")
	all := written(t, true, denied+sum+ends("/"+sent+other)+`x HTTP/2.0"`)
	expect(t, all[0], whose)
	expect(t, all[0], map[string]any{"score": 15})
}

func TestAnErrorOfNginxIsNoAlarmWhateverAHeaderSays(t *testing.T) {
	all := written(t, true, begins+`[error] 34#34: *4 api could not be resolved (3: Host not found), client: 172.22.0.1, server: shop.test, request: "GET /hang?token=hunter2 HTTP/2.0", host: "shop.test", referrer: "a" ModSecurity: Access denied `+xss+ends("/")+`"`)
	if len(all) != 1 {
		t.Fatalf("expected one message, got %v", all)
	}
	expect(t, all[0], map[string]any{"logger": "nginx", "level": "error"})
	text := all[0]["message"].(string)
	if !strings.Contains(text, "could not be resolved") || strings.Contains(text, "hunter2") {
		t.Errorf("unexpected message: %s", text)
	}
}

func TestLinesThatAreNotForPeople(t *testing.T) {
	all := written(t, true,
		begins+`[info] 34#34: *9 client 172.22.0.1 closed keepalive connection`,
		begins+`[notice] 34#34: signal process started`,
		"no line of Nginx' own",
		begins+`[crit] 1#1: no memory`,
		strings.Repeat("x", 2<<20),
		begins+`[crit] 1#1: after a line beyond all measure`,
	)
	if len(all) != 2 {
		t.Fatalf("expected two messages, got %v", all)
	}
	expect(t, all[0], map[string]any{"level": "warn", "message": "no line of Nginx' own"})
	expect(t, all[1], map[string]any{"level": "crit", "message": "1#1: no memory"})
}

func TestEverySealIsAnother(t *testing.T) {
	if newSeal() == newSeal() || len(newSeal()) < 20 {
		t.Error("a seal that could be guessed")
	}
}
