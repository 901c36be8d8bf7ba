package main

import (
	"bufio"
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
func (j *journal) errors(in io.Reader, blocks bool) {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), 1<<20)
	alarms := &alarms{journal: j, blocks: blocks, open: map[string]*alarm{}}
	for lines.Scan() {
		line := lines.Text()
		level, text := "warn", line
		if found := errorLine.FindStringSubmatch(line); found != nil {
			level, text = found[1], found[2]
		}
		switch {
		case strings.Contains(text, "ModSecurity: ") && strings.Contains(text, `[id "`):
			alarms.take(text)
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
	mutex   sync.Mutex
	open    map[string]*alarm
}

// Rules of one request are asked within moments of each other, unless its body takes long to come.
const gather = 500 * time.Millisecond

var (
	rulePart   = regexp.MustCompile(`\[file "[^"]*"\] \[line "\d+"\] \[id "(\d+)"\]`)
	msgPart    = regexp.MustCompile(`\] \[msg "([^"]*)"\]`)
	idPart     = regexp.MustCompile(`\[unique_id "([A-Za-z0-9-]{8,64})"\]`)
	uriPart    = regexp.MustCompile(`\[uri "([^"]*)"\]`)
	clientPart = regexp.MustCompile(`, client: ([0-9a-f.:]+), server: ([a-z0-9.-]*)`)
	methodPart = regexp.MustCompile(`, request: "([A-Z]{1,16}) `)
	total      = regexp.MustCompile(`Total Score: (\d+)`)
	where      = regexp.MustCompile("(?:against variable `|found within )([A-Z_]+(?::[^'\":\\s]{1,80})?)")
)

func part(of *regexp.Regexp, text string) string {
	if found := of.FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return ""
}

func (a *alarms) take(line string) {
	rule, err := strconv.Atoi(part(rulePart, line))
	if err != nil {
		a.journal.say("error", "a line of the firewall could not be read")
		return
	}
	found := match{Rule: rule, Message: cut(part(msgPart, line), 200), Where: part(where, line)}
	id := part(idPart, line)
	a.mutex.Lock()
	defer a.mutex.Unlock()
	of := a.open[id]
	if of == nil {
		of = &alarm{
			Time: now(), Logger: "firewall", ID: id, Method: part(methodPart, line), Path: cut(part(uriPart, line), 1000),
		}
		if from := clientPart.FindStringSubmatch(line); from != nil {
			of.Client, of.Host = from[1], from[2]
		}
		a.open[id] = of
		time.AfterFunc(gather, func() { a.close(id) })
	}
	of.Blocked = of.Blocked || a.blocks && strings.Contains(line, "ModSecurity: Access denied")
	if sum := part(total, found.Message); sum != "" {
		of.Score, _ = strconv.Atoi(sum)
	}
	for _, known := range of.Matches {
		if known == found {
			return
		}
	}
	if !slices.Contains(of.Rules, rule) {
		of.Rules = append(of.Rules, rule)
	}
	of.Matches = append(of.Matches, found)
}

func (a *alarms) close(id string) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.journal.write(a.open[id])
	delete(a.open, id)
}

func cut(text string, length int) string {
	if len(text) <= length {
		return text
	}
	return strings.ToValidUTF8(text[:length], "")
}
