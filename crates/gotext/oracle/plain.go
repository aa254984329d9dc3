package main

import (
	"math/rand"
	"strings"
)

var plainData = map[string]any{
	"s": "text", "e": "", "n": 3, "f": 2.5, "z": 0, "t": true, "no": false, "nil": nil, "big": 1e21, "html": "<a href='x'>&\"é</a>", "list": []any{"a", 2, nil, true, []any{1}, map[string]any{"k": "v"}},
	"none": []any{}, "m": map[string]any{"k": "v", "n": 1, "m": map[string]any{"d": "deep", "l": []any{1, 2, 3}}, "nil": nil}, "empty": map[string]any{}, "u": "héllo 日本\n", "a-b": "dash", "nums": []any{3, 1, 2},
}

// operand writes an argument that needs no function of sprig.
func (g *generator) operand(depth int) string {
	if depth > 0 && g.chance(40) {
		return "(" + g.plainCall(depth-1) + ")" + g.pick("", "", "", "", ".k", ".m.d")
	}
	if len(g.variables) > 0 && g.chance(25) {
		return g.variables[g.Intn(len(g.variables))] + g.pick("", "", ".k")
	}
	return g.pick(".s", ".e", ".n", ".f", ".z", ".t", ".no", ".nil", ".list", ".none", ".m", ".m.k", ".m.m.d", ".m.m.l", ".m.missing", ".missing", ".missing.deep", ".s.k", ".nil.k", ".empty", ".u", ".html", ".nums", ".big", ".", "$", "$.s", "$.m.k", "$undefined",
		"1", "0", "-1", "2", "1.5", "1e3", "0x10", "'a'", "'\\n'", "true", "false", "nil", `"a"`, `""`, "`raw`", `"é\n\t\""`, "1i", "0b101", "1_000", "9223372036854775807", "9223372036854775808", "0.1", "08", "1.", ".5", "'ab'", `"\x41\u00e9"`, `"\q"`)
}

func (g *generator) plainCall(depth int) string {
	name := g.pick("and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "len", "index", "index", "slice", "print", "println", "printf", "printf", "html", "js", "urlquery", "call", "nope")
	if g.chance(1) {
		name = g.pick("if", "end", "range", "template", "define", "else", "with")
	}
	text := name
	if name == "printf" {
		text += " " + g.pick(`"%v"`, `"%s|%d"`, `"%q"`, `"%5.2f"`, `"%T %T"`, `"%-5v|"`, `"%t"`, `"%x"`, `"%#v"`, `"%+v"`, `"%c"`, `"%d%%"`, `"%"`, `"%!"`, `"%[2]v"`, `"%*d"`, `"%e"`, `"%08d"`, `"%U"`, "1")
	}
	for range g.Intn(4) {
		text += " " + g.operand(depth)
	}
	return text
}

func (g *generator) plainPipe() string {
	text := g.operand(2)
	if g.chance(50) {
		text = g.plainCall(2)
	}
	for g.chance(20) {
		text += " | " + g.plainCall(1)
	}
	return text
}

func (g *generator) plainNode(depth int) string {
	scope := len(g.variables)
	body := func() string {
		text := ""
		for range g.Intn(3) {
			if depth > 0 {
				text += g.plainNode(depth - 1)
			} else {
				text += g.pick("x", " y ", "\n", "{{ . }}")
			}
		}
		return text
	}
	closed := func(text string) string {
		if g.chance(30) {
			text += g.action("else") + body()
		}
		g.variables = g.variables[:scope]
		return text + g.action(g.pick("end", "end", "end", "end", "end", "end", "end", "end", "end", "else"))
	}
	switch g.Intn(16) {
	case 0, 1:
		return g.pick("text", "\n", "  ", "{", "}}", "é", "\t\n", "{ {")
	case 2:
		name := g.pick("$x", "$y", "$é", "$1")
		value := g.plainPipe()
		g.variables = append(g.variables, name)
		return g.action(name + g.pick(" := ", " := ", ":=", " = ", "=") + value)
	case 3, 4:
		text := g.action("if "+g.plainPipe()) + body()
		if g.chance(25) {
			text += g.action("else if "+g.plainPipe()) + body()
		}
		return closed(text)
	case 5, 6:
		head := "range " + g.pick("", "$i := ", "$i, $e := ", "$e := ", "$x = ", "$i, $x = ", "$a, $b, $c := ") + g.pick(".list", ".nums", ".m", ".none", ".empty", ".n", "3", ".s", ".nil", ".missing", ".t", ".f", ".m.m.l", g.operand(1))
		g.variables = append(g.variables, "$i", "$e")
		text := g.action(head) + body()
		if g.chance(20) {
			text += "{{ if " + g.operand(1) + " }}{{ " + g.pick("break", "continue") + " }}{{ end }}" + body()
		}
		return closed(text)
	case 7, 8:
		text := g.action("with "+g.pick("", "$w := ")+g.plainPipe()) + body()
		if g.chance(25) {
			text += g.action("else with "+g.plainPipe()) + body()
		}
		return closed(text)
	case 9:
		return g.action("template " + g.pick(`"d"`, `"r"`, `"nope"`, "`d`", "d", "1") + " " + g.pick("", g.operand(1), g.plainPipe()))
	case 10:
		return g.action("block "+g.pick(`"b"`, `"d"`, `"c"`)+" "+g.pick(g.operand(1), "")) + body() + "{{ end }}"
	case 11:
		return g.pick("{{/* c */}}", "{{- /* c */ -}}", "{{ /* c */ }}", "{{/* c }}", "{{- /* c */}}", "{{/**/ -}} ", "{{break}}", "{{continue}}", "{{end}}", "{{}}", "{{ - }}", "{{-}}", "{{- -}}", "{{ .a.b.c }}", "{{ .1 }}", "{{ ..s }}", "{{ .s . }}", "{{ 1 2 }}", "{{ nil }}", "{{ | }}", "{{ .s | }}", "{{ (.s) }}", "{{ () }}", "{{ (.m).k }}", "{{ .m .k }}", "{{ $ }}", "{{ $. }}", "{{ \"a\" | printf }}", "{{\n.s\n}}", "{{ .s,.e }}", "{{ .s }", "{{ .é }}", "{{ .m.n | printf \"%v\" }}", "{{define \"q\"}}{{.}}{{end}}")
	}
	return g.action(g.plainPipe())
}

// randomPlain compares templates that use nothing but what Go has, on data of many types.
func randomPlain(e *engine, source *rand.Rand, r *report) {
	g := generator{Rand: source}
	text := ""
	if g.chance(30) {
		text = `{{ define "d" }}<{{ . }}>` + g.plainNode(1) + `{{ end }}{{ define "r" }}{{ with .m }}{{ template "r" . }}{{ end }}{{ end }}`
		g.variables = nil
	}
	for range 1 + g.Intn(3) {
		text += g.plainNode(3)
	}
	if g.chance(8) {
		text = g.damage(text)
	}
	if strings.Contains(text, "range") && strings.Contains(text, "9223372036854775807") {
		return // Go would go round for years.
	}
	missingkey := g.pick("error", "error", "default", "zero")
	want := render(text, plainDocument, "none", missingkey)
	got := e.ask(question{Kind: "template", Template: []byte(text), Functions: "none", Missingkey: missingkey, Document: plainText}).text()
	if strings.Contains(got, "limit exceeded") || address.MatchString(want) {
		return
	}
	r.same("plain missingkey="+missingkey+" "+text, got, want)
}
