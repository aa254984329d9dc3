package main

import (
	"fmt"
	"math/rand"
	"regexp"
	"strings"
	"time"
)

// randomSelection compares paths of every form on documents in which they find something.
func randomSelection(e *engine, source *rand.Rand, r *report) {
	g := generator{Rand: source}
	text, path := g.json(0), g.path(0)
	switch {
	case g.chance(5):
		text += "\n" + g.json(0) + "\n" + g.json(1)
	case g.chance(5):
		path = g.damage(path)
	}
	if want, ok := gjsonAnswer(text, path); ok {
		if a := e.ask(question{Kind: "gjson", JSON: []byte(text), Path: []byte(path)}); a.Limit == "" {
			r.same("gjson "+path+" of "+text, a.found(), want)
		}
	}
}

func (g *generator) path(depth int) string {
	var t strings.Builder
	for i := range 1 + g.Intn(4) {
		if i > 0 {
			t.WriteString(g.pick(".", ".", ".", "|"))
		}
		t.WriteString(g.part(depth))
	}
	return t.String()
}

func (g *generator) part(depth int) string {
	switch kind := g.Intn(14); {
	case kind < 4:
		key := strings.ReplaceAll(jsonKeys[g.Intn(len(jsonKeys))], `\"`, `"`)
		if g.chance(70) {
			for _, special := range []string{".", "*", "?", "@", "#", "!", "{", "[", "|", "(", "~"} {
				key = strings.ReplaceAll(key, special, `\`+special)
			}
		}
		return key
	case kind == 4:
		return g.pick("*", "?", "a*", "*a", "f*t", "??", "k\\*", "*\\**", "..", "..0", "..#", "\\", "a\\", "**")
	case kind < 7:
		return g.pick("0", "1", "2", "#", "#", "#", "-1", "00", "1a")
	case kind < 10 && depth < 3:
		left := g.pick("", "", "a", "b", "a.b", "first", "#", "@this", "a|@tostr", "a\\.b", "@keys.0", "b.#")
		if g.chance(25) {
			left = g.path(depth + 1)
		}
		operator := g.pick("==", "==", "!=", "<", "<=", ">", ">=", "%", "!%", "=", "==~", "", "!", "~", "=~", "%~")
		right := g.pick(`"a"`, `"Dale"`, `"*a*"`, `"?"`, "1", "42", "0", "-1", "2.5", "true", "false", "null", "~true", "~false", "~null", "~*", "a", `"a`, `"\""`, `"é"`, "", "1e3", `"\u00e9"`, "(", ")", "tru", `"b*"`, "'a'")
		space := g.pick("", "", "", " ")
		return g.pick("#(", "#(", "#(", "#[") + space + left + space + operator + space + right + space + g.pick(")", ")", ")#", ")#", "]", "]#", "", "#")
	case kind < 12:
		modifier := g.pick("@this", "@reverse", "@ugly", "@pretty", "@flatten", "@join", "@valid", "@keys", "@values", "@tostr", "@fromstr", "@group", "@dig", "@nope", "@")
		return modifier + g.pick("", "", "", ":a", ":"+g.part(3), `:{"deep":true}`, `:{"preserve":true}`, `:{"sortKeys":true}`, `:{"indent":"\t","prefix":"> "}`, `:{"width":`+g.pick("0", "5", "40", "-1", "1e2", `"9"`)+`}`, ":1", `:"a"`, ":[1,2]", ":{", ": ", ":")
	case kind == 12 && depth < 3:
		var parts []string
		for range g.Intn(4) {
			parts = append(parts, g.pick("", "", `"k":`, "k:", `"a\"b":`, `"":`, "1:", "a b:")+g.pick("", "", "", "!")+g.path(depth+1))
		}
		if g.chance(50) {
			return "{" + strings.Join(parts, ",") + g.pick("}", "}", "}", "")
		}
		return "[" + strings.Join(parts, ",") + g.pick("]", "]", "]", "")
	case kind == 13:
		return "!" + g.pick(`"lit"`, "true", "1", "null", `{"a":1}`, "[1,2]", `"`, "", "x", "1.5e3", "-", `"a"b`)
	}
	return g.pick("a", "b")
}

// randomExpression compares regular expressions made by their grammar, on texts of the letters they name.
func randomExpression(e *engine, source *rand.Rand, r *report) {
	g := generator{Rand: source}
	pattern := g.pick("", "", "", "(?i)", "(?s)", "(?m)", "(?U)", "(?im)", "(?i-s)") + g.expressionText(0)
	if g.chance(8) {
		pattern = g.damage(pattern)
	}
	text := g.soup(12, letters...)
	replacement := g.soup(4, "$0", "$1", "${1}", "$2", "$n", "${n}", "<", ">", "$", "$$", "${", "$x", "é", "${é}", "$1a", "${10}", "$_")
	a := e.ask(question{Kind: "regexp", Pattern: []byte(pattern), Text: []byte(text), Replacement: []byte(replacement)})
	what := fmt.Sprintf("regexp %s on %q with %q", pattern, text, replacement)
	r.same(what, a.text(), replaceAll(pattern, text, replacement))
	if expression, err := regexp.Compile(pattern); err == nil && a.Err == nil {
		pairs := [][2]int{}
		for _, found := range expression.FindAllStringIndex(text, -1) {
			pairs = append(pairs, [2]int{found[0], found[1]})
		}
		r.same(what+" all", fmt.Sprint(a.All), fmt.Sprint(pairs))
	}
}

var letters = []string{"a", "b", "c", "A", "B", "k", "K", "\u212a", "s", "ſ", "S", "é", "É", "ß", "ẞ", "σ", "ς", "Σ", "İ", "ı", "i", "I", "å", "Å", "\u212b", "日", "😀", "\xff", "\xe9", "\n", "\r", "\t", " ", "_", "-", ".", "*", "1", "9", "٣", "\x00", "\u2028", "ab", "aa", "\v", "]", "^", "\\", "\u0345", "ι", "ǆ", "ǅ"}

func (g *generator) expressionText(depth int) string {
	var t strings.Builder
	for range 1 + g.Intn(4) {
		if g.chance(10) {
			t.WriteString("|")
		}
		atom := g.atom(depth)
		if g.chance(35) {
			atom += g.pick("*", "+", "?", "*?", "+?", "??", "{2}", "{0,1}", "{1,}", "{1,3}?", "{0}", "{,2}", "{2,1}", "{1000}", "{1001}", "{1", "{01}", "{0,}", "**", "+*", "{2}{3}", "?+")
		}
		t.WriteString(atom)
	}
	return t.String()
}

func (g *generator) atom(depth int) string {
	class := func() string {
		return g.pick(`\d`, `\D`, `\w`, `\W`, `\s`, `\S`, `\pL`, `\PN`, `\p{Lu}`, `\P{Ll}`, `\p{^L}`, `\P{^L}`, `\p{Greek}`, `\p{Han}`, `\pZ`, `\p{Any}`, `\p{ASCII}`, `\p{Assigned}`, `\p{lower}`, `\p{L&}`, `\p{LC}`, `\p{Cased_Letter}`, `\p{Cn}`, `\p{Cs}`, `\p{C}`, `\pM`, `\p{sc=Greek}`, `\p{gc=L}`, `\p{Lowercase_Letter}`, `\p{uppercase letter}`, `\p{Nope}`, `\p{`, `\p`, `\pé`, `\p{}`)
	}
	if depth < 3 && g.chance(25) {
		inner := g.expressionText(depth + 1)
		return g.pick("(", "(", "(?:", "(?i:", "(?s-i:", "(?m:", "(?U:", "(?P<n>", "(?<n>", "(?P<x1>", "(?-:", "(?i-i:", "(?P<1>", "(?P=n", "(?'n'", "(?P<>", "(?<é>", "(?ii:", "(?^i:", "(?i-:") + inner + g.pick(")", ")", ")", ")", ")", ")", ")", ")", "")
	}
	switch g.Intn(7) {
	case 0:
		var t strings.Builder
		t.WriteString(g.pick("[", "[", "[^"))
		for range 1 + g.Intn(4) {
			switch g.Intn(6) {
			case 0:
				t.WriteString(class())
			case 1:
				t.WriteString("[:" + g.pick("", "", "^") + g.pick("alpha", "digit", "alnum", "upper", "lower", "punct", "space", "word", "xdigit", "cntrl", "graph", "print", "blank", "ascii", "Alpha", "nope", "") + ":]")
			case 2:
				t.WriteString(g.pick("a", "A", "k", "é", "\\x41", "\\x{e9}", "0", "\\n", "\\-", "\x00", "日", "!") + "-" + g.pick("z", "Z", "s", "ÿ", "\\x7a", "\\x{10ffff}", "9", "\\r", "\\]", "\\pL", "]", "\x7f", "鿿", "~"))
			default:
				t.WriteString(g.pick("a", "b", "K", "-", "^", "]", "[", "\\]", "\\\\", ".", "*", "é", "ſ", "\\b", "\\a", "\\f", "\\t", "\\v", "\\0", "\\07", "\\1", "\\Q", "\\E", "\\x4", "\\x{}", "\\x{110000}", "\\C", "\\z", "&&", "--", "\\_", "\\é", "|", "(", "\\u0041", "[=a=]", "[.a.]", "[:", ":]"))
			}
		}
		return t.String() + g.pick("]", "]", "]", "]", "]", "")
	case 1:
		return class()
	case 2:
		return g.pick("^", "$", "\\A", "\\z", "\\Z", "\\b", "\\B", ".", ".", "\\Qa.b\\E", "\\Q", "\\E", "\\Q\\E", "\\Qa", "\\x41", "\\x{1F600}", "\\x{", "\\x", "\\0", "\\012", "\\7", "\\8", "\\a", "\\f", "\\n", "\\cA", "\\e", "\\N", "\\R", "\\X", "\\h", "\\K", "\\G", "\\'", "\\<", "\\é", "\\", "(?i)", "(?-i)", "(?s)", "(?U)", "(?z)", "(?-)", "(?)", "(?i", "(?#c)", "(?=a)", "(?<!a)", "(?P>n)", "(?P", "(?P<n", "(?R)", "{", "}", "{a}", "]", ")", "(", "*", "+a")
	}
	letter := letters[g.Intn(len(letters))]
	if strings.ContainsAny(letter, `.*]^\`) {
		return `\` + letter
	}
	return letter
}

// randomDocument compares how YAML is read that was put together line by line.
func randomDocument(e *engine, source *rand.Rand, r *report) {
	g := generator{Rand: source}
	scalar := func() string {
		if g.chance(60) {
			return yamlScalars[g.Intn(len(yamlScalars))]
		}
		return g.soup(4, "a", "b c", ":", ": ", "#", " #", "-", "- ", "?", "? ", ",", "[", "]", "{", "}", "'", "\"", "|", ">", "&a ", "*a", "!", "!!str ", "%", "@", "`", "\\", "\t", " ", "  ", "0", "1", ".", "_", "e", "x", "\u0085", "\u2028", "\u00a0", "é", "\ufeff", "~", "=", "<<", "\x7f", "''", "\"\"")
	}
	var t strings.Builder
	for range 1 + g.Intn(7) {
		t.WriteString(strings.Repeat(" ", g.Intn(3)*g.Intn(3)))
		t.WriteString(g.pick("a: ", "b: ", "c:", "- ", "- - ", "- a: ", "? ", ": ", "", "", "'q': ", "\"d\": ", "<<: ", "<<: *a", "&a ", "a: &a ", "*a : ", "# c ", "--- ", "---", "...", "%YAML 1.1", "{", "[", "}", "]", "a: |", "a: >", "- |", "- >-", "a: |+", "a: >2", "a: |1-", "!!map ", "!t ", "1: ", "yes: ", "~: ", "? [", "- !!set", "\t", "a b: ", "a : ", "a:b", "x:\ty"))
		if g.chance(65) {
			t.WriteString(scalar())
		}
		t.WriteString(g.pick("\n", "\n", "\n", "\n", "\n\n", "\r\n", "\r", "\n \n", "\n\t\n", " # c\n", "", " \n"))
	}
	compareOn(e, r, "document", `{{ $v := fromYaml .y }}{{ $v }}|{{ toJson $v }}|{{ toYaml $v }}`, map[string]string{"y": t.String()})
}

// randomTimetable compares schedules of odd fields and the times around which clocks change.
func randomTimetable(e *engine, source *rand.Rand, r *report) {
	g := generator{Rand: source}
	field := func() string {
		if g.chance(50) {
			return g.pick("*", "0", "1", "2", "3", "*/2", "1-5", "30", "5/7", "0,30", "1-5/2")
		}
		return g.soup(4, "*", "?", "-", "/", ",", "0", "1", "2", "5", "7", "12", "23", "31", "59", "60", "mon", "SUN", "Fri", "jan", "DEC", "L", "W", "#", "+1", "0x1", "01", "99999999999999999999", "monday", "_", ".5", "é")
	}
	fields := []string{}
	for range 5 + g.Intn(20)/18 - g.Intn(20)/18 {
		fields = append(fields, field())
	}
	text := strings.Join(fields, g.pick(" ", " ", " ", "  ", "\t", "\n", "\u00a0"))
	if g.chance(15) {
		text = g.soup(3, "@", "@daily", "@Daily", "@every", "@every ", "@hourly", " ", "1h", "-1h", "0.5s", "1d", "90m", "1h1m1.5s", "999999h", "0", "1ns", "@weekly ")
	}
	if g.chance(60) {
		text = g.pick("TZ=", "CRON_TZ=", "CRON_TZ=", "tz=", "TZ =") + g.pick("Europe/London", "America/Sao_Paulo", "Africa/Cairo", "Asia/Tehran", "Pacific/Apia", "Antarctica/Troll", "America/Caracas", "America/New_York", "Australia/Lord_Howe", "America/Havana", "Asia/Beirut", "America/Asuncion", "Europe/Dublin", "Pacific/Kiritimati", "Local", "UTC", "utc", "EST", "EST5EDT", "GMT+3", "Etc/GMT-14", "europe/berlin", "../etc", "", "Asia/Gaza") + g.pick(" ", " ", " ", "  ", "\t", "") + text
	}
	at := time.Date(1995+g.Intn(45), time.Month(1+g.Intn(12)), 1+g.Intn(31), g.Intn(24), g.Intn(60), g.Intn(60), 0, time.UTC)
	want := scheduleAnswer(text, at)
	if want == "" {
		return
	}
	a := e.ask(question{Kind: "cron", Text: text, From: at.Unix()})
	got := fmt.Sprint(a.Times)
	if a.Err != nil {
		got = "error"
	}
	r.same(fmt.Sprintf("cron %q after %s", text, at), got, want)
}
