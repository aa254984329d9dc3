package main

import (
	"bufio"
	"encoding/json"
	"io"
	"log"
	"os"
	"os/exec"
)

// An engine is the running example of the crate: a question a line goes in, an answer a line comes out.
type engine struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

// A question is one line. Byte slices become base64 in JSON.
type question struct {
	Kind        string            `json:"kind"`
	Template    []byte            `json:"template"`
	Texts       map[string][]byte `json:"texts,omitempty"`
	Document    []byte            `json:"document,omitempty"`
	Functions   string            `json:"functions,omitempty"`
	Missingkey  string            `json:"missingkey,omitempty"`
	Name        string            `json:"name,omitempty"`
	Args        []any             `json:"args,omitempty"`
	JSON        []byte            `json:"json"`
	Path        []byte            `json:"path"`
	Pattern     []byte            `json:"pattern"`
	Text        any               `json:"text"`
	Replacement []byte            `json:"replacement"`
	From        int64             `json:"from,omitempty"`
	Yaml        []byte            `json:"yaml"`
}

type answer struct {
	Out         []byte            `json:"out"`
	Err         []byte            `json:"err"`
	Raw         []byte            `json:"raw"`
	Exists      bool              `json:"exists"`
	Type        string            `json:"type"`
	Valid       bool              `json:"valid"`
	All         [][2]int          `json:"all"`
	Split       [][]byte          `json:"split"`
	Quote       []byte            `json:"quote"`
	Nanoseconds int64             `json:"nanoseconds"`
	Times       []int64           `json:"times"`
	Int         *int64            `json:"int"`
	List        [][]byte          `json:"list"`
	Fields      map[string][]byte `json:"fields"`
	Limit       string            `json:"limit"`
}

func start(path string) *engine {
	command := exec.Command(path)
	command.Stderr = os.Stderr
	command.Env = append(os.Environ(), "TZ=UTC")
	in, err := command.StdinPipe()
	check(err)
	out, err := command.StdoutPipe()
	check(err)
	check(command.Start())
	return &engine{command, in, bufio.NewReaderSize(out, 1<<20)}
}

func (e *engine) stop() {
	e.in.Close()
	e.command.Wait()
}

// ask fails the program if the other side died: nothing may make it die.
func (e *engine) ask(q question) answer {
	line, err := json.Marshal(q)
	check(err)
	if _, err := e.in.Write(append(line, '\n')); err != nil {
		log.Fatalf("oracle: the engine died before %s", line)
	}
	reply, err := e.out.ReadBytes('\n')
	if err != nil {
		log.Fatalf("oracle: the engine died at %s", line)
	}
	var a answer
	if err := json.Unmarshal(reply, &a); err != nil {
		log.Fatalf("oracle: %s for %s", reply, line)
	}
	return a
}

// text shows an answer that is one text or one error.
func (a answer) text() string {
	if a.Limit != "" {
		return "limit: " + a.Limit
	}
	if a.Err != nil {
		return "error: " + string(a.Err)
	}
	return "text: " + string(a.Out)
}

func check(err error) {
	if err != nil {
		log.Fatal("oracle: ", err)
	}
}
