package main

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// journal writes one JSON object a line, as Nginx does with its access log.
type journal struct {
	mutex sync.Mutex
	out   io.Writer
}

func (j *journal) write(event any) {
	text, err := json.Marshal(event)
	if err != nil {
		return
	}
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.out.Write(append(text, '\n'))
}

type message struct {
	Time    string `json:"time"`
	Logger  string `json:"logger"`
	Level   string `json:"level"`
	Message string `json:"message"`
}

func (j *journal) say(level, text string) {
	j.write(message{now(), "atalaya-nginx", level, text})
}

func now() string { return time.Now().Format(time.RFC3339) }

var (
	errorLine = regexp.MustCompile(`^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[(\w+)\] (.*)$`)
	// Queries hold what nobody else may know.
	quotedQuery = regexp.MustCompile(`\?[^" ]*([" ])`)
)

// errors passes Nginx's own messages on, less queries, and hands the firewall's to an alarm each. Those quote
// what was sent, so none of them leaves this process as it is.
func (j *journal) errors(in io.Reader, blocks bool, seal string) {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), 1<<20)
	alarms := &alarms{journal: j, blocks: blocks, seal: seal, open: map[string]*alarm{}}
	for lines.Scan() {
		line := lines.Text()
		level, text := "warn", line
		if found := errorLine.FindStringSubmatch(line); found != nil {
			level, text = found[1], found[2]
		}
		firewall := firewallLine.FindStringSubmatch(text)
		switch {
		case firewall != nil:
			alarms.take(firewall[1], firewall[2], firewall[3])
		case level == "info" || level == "notice":
			// Asked for because of the firewall alone: connections that end as connections do.
		default:
			j.write(message{now(), "nginx", level, quotedQuery.ReplaceAllString(text, "$1")})
		}
	}
	// A line beyond all measure: the rest must still be taken, or Nginx would wait for ever.
	io.Copy(io.Discard, in)
}

type match struct {
	Rule    int    `json:"rule"`
	Message string `json:"message"`
	// Such as ARGS:name: where it matched, never what was there.
	Where string `json:"where,omitempty"`
}

// alarm is what the firewall has to say of one request.
type alarm struct {
	Time   string `json:"time"`
	Logger string `json:"logger"`
	// The request's, as in the access log.
	ID      string `json:"id"`
	Client  string `json:"client"`
	Host    string `json:"host"`
	Method  string `json:"method"`
	Path    string `json:"path"`
	Blocked bool   `json:"blocked"`
	Score   int    `json:"score,omitempty"`
	// Numbers alone, to be searched for.
	Rules   []int   `json:"rules"`
	Matches []match `json:"matches"`
}

// alarms gathers the lines of one request: each rule that matches has one.
type alarms struct {
	journal *journal
	blocks  bool
	seal    string
	mutex   sync.Mutex
	open    map[string]*alarm
}

// Rules of one request are asked within moments of each other, unless its body takes long to come.
const gather = 500 * time.Millisecond

var (
	// At its begin, where nothing that was sent can stand: a header that looks like it makes no alarm. The number is
	// the connection's.
	firewallLine = regexp.MustCompile(`^\d+#\d+: \*(\d+) (?:\[client ([0-9a-f.:]+)\] )?ModSecurity: (.*)$`)
	// Values and the path stand in it as they were sent, so that they may look like a rule. Its own is there as well.
	rulePart = regexp.MustCompile(`\[file "[^"]*"\] \[line "\d+"\] \[id "(\d+)"\] \[rev "[^"]*"\] \[msg "([^"]*)"\]`)
	// Right behind the seal: a word of Nginx' own for the request, and the id that its client may have chosen. A line
	// that is too long is cut anywhere.
	sealedPart = regexp.MustCompile(`^([0-9a-f]{32})([A-Za-z0-9-]{8,64})"\](?: \[ref "[^"]*"\], client: ([0-9a-f.:]+), server: ([a-z0-9.-]*), request: "(?:([A-Z_-]{1,32}) )?)?`)
	total      = regexp.MustCompile(`Total Score: (\d+)`)
	where      = regexp.MustCompile("(?:against variable `|found within )([A-Z_]+(?::[^'\":\\s]{1,80})?)")
)

// newSeal is what stands before a request's id in the firewall's lines. They quote values, paths and headers as
// they were sent; nobody who sends them knows it, so that whose request a line is about is read behind it.
func newSeal() string { return rand.Text() }

// sumRule is the rule that says what the others come to.
const sumRule = 949110

// take reads a line of the firewall's: its connection, the client where it begins with one, and the rest. Nginx
// cuts lines after 2 KiB: where there is no seal any more the connection's lines are one alarm without an id.
func (a *alarms) take(connection, client, line string) {
	rules := rulePart.FindAllStringSubmatch(line, -1)
	if rules == nil {
		a.journal.say("error", "a line of the firewall could not be read")
		return
	}
	key := "*" + connection
	seen := alarm{Time: now(), Logger: "firewall", Client: client}
	if before, after, sealed := strings.Cut(line, `"] [unique_id "`+a.seal); sealed {
		if found := sealedPart.FindStringSubmatch(after); found != nil {
			key = found[1]
			seen.ID, seen.Host, seen.Method = found[2], found[4], found[5]
			if found[3] != "" {
				seen.Client = found[3]
			}
		}
		if at := strings.LastIndex(before, `[uri "`); at >= 0 {
			seen.Path = cut(before[at+len(`[uri "`):], 1000)
		}
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	of := a.open[key]
	if of == nil {
		of = &seen
		a.open[key] = of
		time.AfterFunc(gather, func() { a.close(key) })
	}
	// Of one that was cut the first line may not say it.
	if of.Client == "" {
		of.Client = client
	}
	of.Blocked = of.Blocked || a.blocks && strings.HasPrefix(line, "Access denied")
	for _, rule := range rules {
		number, err := strconv.Atoi(rule[1])
		if err != nil {
			continue
		}
		of.add(match{Rule: number, Message: cut(rule[2], 200), Where: part(where, line)})
	}
}

func (of *alarm) add(found match) {
	if sum, err := strconv.Atoi(part(total, found.Message)); err == nil && found.Rule == sumRule {
		of.Score = max(of.Score, sum)
	}
	if slices.Contains(of.Matches, found) {
		return
	}
	if !slices.Contains(of.Rules, found.Rule) {
		of.Rules = append(of.Rules, found.Rule)
	}
	of.Matches = append(of.Matches, found)
}

func part(of *regexp.Regexp, text string) string {
	if found := of.FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return ""
}

func (a *alarms) close(key string) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.journal.write(a.open[key])
	delete(a.open, key)
}

func cut(text string, length int) string {
	if len(text) <= length {
		return text
	}
	return strings.ToValidUTF8(text[:length], "")
}
