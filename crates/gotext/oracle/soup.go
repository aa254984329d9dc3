package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand"
	"strings"
)

// soup strings pieces together without any plan: what a parser has to refuse, or to read in an unexpected way.
func (g *generator) soup(most int, pieces ...string) string {
	var t strings.Builder
	for range 1 + g.Intn(most) {
		t.WriteString(pieces[g.Intn(len(pieces))])
	}
	return t.String()
}

// randomTokens compares how templates are read that nobody would write.
func randomTokens(e *engine, source *rand.Rand, r *report) {
	g := generator{Rand: source}
	action := func() string {
		return g.pick("{{", "{{", "{{", "{{- ", "{{-", "{{ ") + g.soup(7, " ", " ", " ", "if ", "else", "else if ", "else with ", "end", "range ", "with ", "define ", "template ", "block ", "break", "continue", "nil", "true", "false", ".", "..", ".s", ".m", ".m.k", ".é", "._", "$", "$x", "$x.k", "$.s", "$1", ":=", " := ", "=", " = ", ",", "|", " | ", "(", ")", `"s"`, "`r`", `"\""`, `"\u00`, "'c'", `'\''`, "''", "'", "1", "-1", "+1", "1.5", "0x1F", "0x", "0b2", "0o7", "07", "08", "1e", "1e2", "0x1p-2", "1i", "1+2i", "1_0", "1__0", "_", "/*", "*/", "/* c */", "\n", "\t", "and ", "not ", "len ", "print ", "printf ", "eq ", "index ", "call ", "nope ", "x", "é", "@", "!", "\\", "\x00", "\xff", "-", " -", "- ", "#", "[", "]", ".1", ".s.", "s.t", "true.x", "nil.x", `"s".x`, "(.m).k", "(1).x", "\r", ";", "%") + g.pick("}}", "}}", "}}", " -}}", "-}}", " }}", "}")
	}
	text := ""
	for range 1 + g.Intn(4) {
		text += g.pick("", "x", " \n ", "}}", "{", "\r\n") + action()
	}
	text += g.pick("", "", "{{end}}", "{{end}}", "{{end}}{{end}}", "\n y")
	want := render(text, plainDocument, "none", "default")
	if a := e.ask(question{Kind: "template", Template: []byte(text), Functions: "none", Missingkey: "default", Document: plainText}); !strings.Contains(a.text(), "limit exceeded") && !address.MatchString(want) {
		r.same("tokens "+text, a.text(), want)
	}
}

var plainText, plainDocument = func() ([]byte, any) {
	text, _ := json.Marshal(plainData)
	var document any
	json.Unmarshal(text, &document)
	return text, document
}()

// randomNumber compares how numbers are printed and how texts are read as numbers.
func randomNumber(e *engine, source *rand.Rand, r *report) {
	g := generator{Rand: source}
	numeral := g.soup(5, "0", "1", "7", "9", "12", "255", "_", ".", "e", "E", "p", "x", "X", "b", "o", "0x", "0b", "0o", "+", "-", "-", " ", "Inf", "inf", "nan", "NaN", "infinity", "i", "f", "a", "\n", "9223372036854775807", "18446744073709551615", "0000", ",", "é", "1e308", "1e309", "1e-400")
	compareOn(e, r, "numeral", `{{ int .s }} {{ int64 .s }} {{ float64 .s }} {{ atoi .s }} {{ toDecimal .s }} {{ add1 .s }} {{ ceil .s }} {{ round .s 2 }} {{ duration .s }} {{ max .s 1 }} {{ maxf .s 0.5 }} {{ durationRound .s }} {{ toString .s }} {{ seq 1 }}`, map[string]string{"s": numeral})
	compareOn(e, r, "decimal", `{{ addf .s 1 }} {{ mulf .s .s }} {{ divf .s 3 }} {{ subf .s 0.1 }}`, map[string]string{"s": numeral})
	if !strings.ContainsAny(numeral, " \n,é") {
		compareOn(e, r, "literal", "{{ "+numeral+" }}{{ printf \"%T %v\" "+numeral+" "+numeral+" }}", nil)
	}
	number := math.Float64frombits(g.Uint64())
	switch g.Intn(5) {
	case 0:
		number = float64(g.Int63n(1<<g.Intn(62)+1)) * g.NormFloat64()
	case 1:
		number = float64(g.Intn(2000)-1000) / float64(int64(1)<<g.Intn(20))
	case 2:
		number = float64(g.Int63n(1_000_000)) * math.Pow10(g.Intn(50)-25)
	case 3:
		number = float64(g.Int63() >> g.Intn(63))
	}
	if math.IsNaN(number) || math.IsInf(number, 0) {
		return
	}
	document, _ := json.Marshal(map[string]any{"v": number})
	text := `{{ .v }} {{ toJson .v }} {{ toYaml .v }} {{ toString .v }} {{ int .v }} {{ int64 .v }} {{ round .v ` + fmt.Sprint(g.Intn(8)) + ` }} {{ floor .v }} {{ ceil .v }} {{ addf .v 0.1 }} {{ mulf .v 3 }} {{ divf .v 7 }} {{ subf 1 .v }} {{ html .v }} {{ js .v }} {{ println .v 1 }} {{ printf "` + g.format() + `" .v }} {{ printf "%d|%6.2f|%e|%G|%x|%b|%q|%s|%08v|%+.3g|%#v|%#g" .v .v .v .v .v .v .v .v .v .v .v .v }} {{ add .v 1 }} {{ div .v 2 }} {{ mod .v 7 }} {{ duration .v }} {{ quote .v }}`
	var data any
	json.Unmarshal(document, &data)
	q := question{Kind: "template", Template: []byte(text), Functions: "eso", Missingkey: "error", Document: document}
	if want := render(text, data, "eso", "error"); !strings.Contains(want, "-9223372036854775808") || number < 9e18 && number > -9e18 {
		r.same("number "+string(document)+text, e.ask(q).text(), want)
	}
}

// randomJSON compares what is made of texts that are JSON, or nearly.
func randomJSON(e *engine, source *rand.Rand, r *report) {
	g := generator{Rand: source}
	text := g.json(0)
	switch {
	case g.chance(30):
		text = g.damage(text)
	case g.chance(20):
		text = g.soup(8, "{", "}", "[", "]", ":", ",", `"a"`, `"`, "1", "-", "0", ".", "e", "+", "tru", "true", "null", "nul", "false", " ", "\n", "\t", "\x00", "\xff", "é", `\`, `"\u12"`, `"\ud800"`, `"\x"`, "01", "1.", "-.5", "1e", "//", "NaN", "'a'", "\x0b", "\u2028", "\x7f")
	}
	compareOn(e, r, "json", `{{ $v := mustFromJson .s }}{{ $v }}|{{ toJson $v }}|{{ toRawJson $v }}|{{ toPrettyJson $v }}|{{ printf "%#v %q %T" $v $v $v }}|{{ toYaml $v }}`, map[string]string{"s": text})
	compareOn(e, r, "json", `{{ $v := fromJson .s }}{{ $v }}|{{ toJson $v }}|{{ kindOf $v }}|{{ toJson .s }}{{ toRawJson .s }}{{ fromYaml .s }}`, map[string]string{"s": text})
}

var jsonKeys = []string{"a", "b", "first", "a.b", "k*", "k?", "@x", "#", "0", "1", "", "é", `q\"q`, `s\\s`, "!b", "{", "[x", "p|q", "..", "-1", `n\u0041`, "(", "~", "age", "nets", "last"}

func (g *generator) json(depth int) string {
	space := func() string { return g.pick("", "", "", "", "", " ", "\n ", "\t") }
	kind := g.Intn(10)
	if depth > 3 {
		kind = g.Intn(5)
	}
	if depth == 0 && kind < 5 && g.chance(80) {
		kind += 5
	}
	switch kind {
	case 0, 1:
		return `"` + g.soup(3, "", "a", "b", "Dale", "é", "😀", `\n`, `\"`, `\\`, `\/`, `\u00e9`, `\ud83d\ude00`, `\ud800`, `\ud800x`, "<&>", "*", "1", " ", "\u2028", "\x7f", `\u0000`, "true", `{\"in\":[1,{\"a\":2}]}`, ".") + `"`
	case 2, 3:
		return g.pick("0", "1", "-1", "42", "2.50", "-0", "-0.0", "1e3", "1E+2", "1.5e-7", "12345678901234567890", "1e21", "1e400", "0.1", "9007199254740993", "100", "47")
	case 4:
		return g.pick("true", "false", "null")
	case 5, 6, 7:
		var parts []string
		for range g.Intn(5) {
			parts = append(parts, space()+`"`+jsonKeys[g.Intn(len(jsonKeys))]+`"`+space()+":"+space()+g.json(depth+1)+space())
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	var parts []string
	same := g.chance(50)
	for range g.Intn(5) {
		if same {
			parts = append(parts, `{"a":`+g.json(depth+2)+`,"b":`+g.json(depth+3)+`}`)
		} else {
			parts = append(parts, space()+g.json(depth+1)+space())
		}
	}
	return "[" + strings.Join(parts, ",") + "]"
}
