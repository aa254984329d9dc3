package main

import (
	"fmt"
	"math/rand"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"time"
)

// A generator writes random templates: mostly well-typed calls of random functions, sometimes mistakes.
type generator struct {
	*rand.Rand
	// Names of variables in scope.
	variables []string
	depth     int
}

// What the templates find in their data.
var texts = map[string]string{
	"s": "hello World", "e": "", "n": "42", "neg": "-7", "f": "3.25", "u": "héllo 日本 ✓ ß", "bin": "\xff\x00\x80abc",
	"json": `{"a":1,"b":[1,2.5,"x",null],"c":{"d":true,"e":"<&>"},"z":1e21}`, "list": `["b","a",null,true,2.5,"b"]`,
	"yaml": "a: 1\nb: [x, 2, yes]\nc: |\n  t\nd: 010\n", "csv": "a,b,,c", "url": "https://u:p%40@host:8080/p/a%20b?q=1&r#f",
	"multi": "line1\n  line2\n\nline3", "b64": "aGVsbG8=", "date": "2024-02-29", "dur": "1h30m", "ver": "1.2.3-beta.1+x",
	"pw": "p@ss'\"<>&\\", "dash-key": "dashed", "snake": "HTTPServer2Go fooBar_baz", "hex": "c3bf",
}

var words = []string{
	"", "a", "b", "ab", "c", "x y", "hello", "Hello World", "héé", "日本", "\\xff", "42", "-7", "3.7", "0x10", "010", "1e3", "true", "no",
	" ", ",", "-", ".", "\\n", "a,b,c", "a-b_c d", "/a/../b/c.txt", "1.2.3", "^1.2", ">=1.0 <2", "~1.2.x || 3", "1h30m", "2h", "-1.5s",
	"2006-01-02", "2006-01-02 15:04:05 MST", "Jan 2, 2006 at 3:04pm (MST)", "2024-02-29", "2024-02-29 23:59:59", "UTC", "Europe/Berlin", "America/New_York",
	"[a-z]+", "(a)(b)?", "h(.)l", "^\\\\s*$", "[", "$1", "${1}x", "%d", "%s|%v", "%5.2f", "%-6q|", "%x", "%T", "%+v", "%#v", "%08b", "%t", "%c", "%U", "%%", "%!",
	"{\\\"k\\\":1}", "[1,2]", "aGVsbG8=", "!!", "NBSWY3DP", "https://a.b/c?d=e", "k", "a.b",
}

var fields = sortedKeys(texts)

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

// Functions whose results differ from run to run, take long, or follow the clock.
var unpredictable = strings.Fields(`
	randAlphaNum randAlpha randAscii randNumeric randBytes randInt shuffle uuidv4 now ago
	genPrivateKey genCA genCAWithKey genSelfSignedCert genSelfSignedCertWithKey genSignedCert genSignedCertWithKey
	bcrypt htpasswd derivePassword encryptAES keys values date dateInZone date_in_zone htmlDate htmlDateInZone durationRound
	pemToPkcs12 pemToPkcs12Pass fullPemToPkcs12 fullPemToPkcs12Pass pemTruststoreToPKCS12 pemTruststoreToPKCS12Pass`)

// Functions whose work grows with a number get small ones.
var growing = map[string]bool{"repeat": true, "until": true, "untilStep": true, "seq": true, "indent": true, "nindent": true, "wrap": true, "wrapWith": true, "chunk": true, "mustChunk": true, "round": true}

type signature struct {
	name     string
	params   []reflect.Type
	variadic bool
	result   reflect.Type
}

var (
	signatures = allSignatures()
	anyType    = reflect.TypeFor[any]()
	timeType   = reflect.TypeFor[time.Time]()
)

func allSignatures() []signature {
	var all []signature
	skip := map[string]bool{}
	for _, name := range unpredictable {
		skip[name] = true
	}
	for _, name := range sortedKeys(allFunctions) {
		if skip[name] {
			continue
		}
		t := reflect.TypeOf(allFunctions[name])
		s := signature{name: name, variadic: t.IsVariadic(), result: t.Out(0)}
		for i := range t.NumIn() {
			s.params = append(s.params, t.In(i))
		}
		all = append(all, s)
	}
	return all
}

func (g *generator) pick(options ...string) string { return options[g.Intn(len(options))] }

func (g *generator) chance(percent int) bool { return g.Intn(100) < percent }

// template writes a whole template.
func (g *generator) template() string {
	var t strings.Builder
	if g.chance(15) {
		g.variables = nil
		fmt.Fprintf(&t, `{{define "d"}}%s{{end}}`, g.list(1))
	}
	g.variables = nil
	t.WriteString(g.list(3))
	text := t.String()
	if g.chance(12) {
		text = g.damage(text)
	}
	return text
}

// damage changes single bytes.
func (g *generator) damage(text string) string {
	bytes := []byte(text)
	for range 1 + g.Intn(3) {
		if len(bytes) == 0 {
			break
		}
		at := g.Intn(len(bytes))
		switch g.Intn(3) {
		case 0:
			bytes = append(bytes[:at], bytes[at+1:]...)
		case 1:
			const other = "{}()|.$\"'` \n:=-/*,0aZ\x00\xff"
			bytes[at] = other[g.Intn(len(other))]
		case 2:
			extra := g.pick("{{", "}}", "(", ")", "|", "\"", "`", "$", "$x", ".", "..", "{{end}}", "{{else}}", ":=", "=", "- ", " -", "/*", "*/", "nil", "'a'", "0x1p4", "1_0", "{{break}}", "'", "é")
			bytes = append(bytes[:at:at], append([]byte(extra), bytes[at:]...)...)
		}
	}
	return string(bytes)
}

func (g *generator) list(size int) string {
	var t strings.Builder
	for range 1 + g.Intn(size) {
		t.WriteString(g.node())
	}
	return t.String()
}

func (g *generator) action(text string) string {
	left, right := "{{", "}}"
	if g.chance(8) {
		left = "{{- "
	}
	if g.chance(8) {
		right = " -}}"
	}
	return left + text + right
}

func (g *generator) node() string {
	g.depth++
	defer func() { g.depth-- }()
	scope := len(g.variables)
	inner := func(size int) string {
		text := g.list(size)
		g.variables = g.variables[:scope]
		return text
	}
	kind := g.Intn(20)
	if g.depth > 3 {
		kind = g.Intn(10)
	}
	switch kind {
	case 0, 1:
		return g.pick("text ", "\n", "  x\n", "é", "")
	case 2:
		name := g.pick("x", "y", "z")
		value := g.pipeline(anyType)
		g.variables = append(g.variables, "$"+name)
		return g.action("$" + name + " := " + value)
	case 10, 11:
		text := g.action("if "+g.pipeline(anyType)) + inner(2)
		if g.chance(30) {
			text += g.action("else if "+g.pipeline(anyType)) + inner(1)
		}
		if g.chance(40) {
			text += g.action("else") + inner(1)
		}
		return text + g.action("end")
	case 12, 13:
		over := g.expression(reflect.TypeFor[[]any](), 2)
		if g.chance(30) {
			over = g.expression(reflect.TypeFor[map[string]any](), 2)
		}
		if g.chance(10) {
			over = g.expression(reflect.TypeFor[int](), 1)
		}
		head := "range " + over
		if g.chance(60) {
			head = "range $i, $e := " + over
			g.variables = append(g.variables, "$i", "$e")
		}
		text := g.action(head) + g.list(2)
		if g.chance(10) {
			text += g.action("if "+g.pipeline(anyType)) + g.action(g.pick("break", "continue")) + g.action("end")
		}
		g.variables = g.variables[:scope]
		if g.chance(30) {
			text += g.action("else") + inner(1)
		}
		return text + g.action("end")
	case 14:
		text := g.action("with "+g.pipeline(anyType)) + inner(2)
		if g.chance(30) {
			text += g.action("else") + inner(1)
		}
		return text + g.action("end")
	case 15:
		return g.action(`template "` + g.pick("d", "d", "nope") + `" ` + g.expression(anyType, 1))
	case 16:
		return g.action("/* comment */")
	case 17:
		if len(g.variables) > 0 {
			return g.action(g.variables[g.Intn(len(g.variables))] + " = " + g.pipeline(anyType))
		}
	}
	return g.action(g.pipeline(anyType))
}

func (g *generator) pipeline(wanted reflect.Type) string {
	text := ""
	if s := signatures[g.Intn(len(signatures))]; g.chance(70) {
		text = g.call(s, 2, false)
	} else {
		text = g.expression(wanted, 3)
	}
	for g.chance(25) {
		s := signatures[g.Intn(len(signatures))]
		if len(s.params) == 0 || growing[s.name] {
			continue
		}
		text += " | " + g.call(s, 2, true)
	}
	return text
}

// expression writes an operand of a type; parenthesised where it has to be.
func (g *generator) expression(wanted reflect.Type, depth int) string {
	if g.chance(6) {
		wanted = []reflect.Type{anyType, reflect.TypeFor[string](), reflect.TypeFor[int](), reflect.TypeFor[[]any](), reflect.TypeFor[bool]()}[g.Intn(5)]
	}
	if depth > 0 && g.chance(55) {
		if text, ok := g.callFor(wanted, depth-1); ok {
			return text
		}
	}
	if len(g.variables) > 0 && g.chance(15) {
		return g.variables[g.Intn(len(g.variables))]
	}
	switch {
	case wanted == timeType:
		return g.time()
	case wanted == anyType:
		switch g.Intn(8) {
		case 0:
			return g.number()
		case 1:
			return g.pick("true", "false", "nil", ".", "$", "'a'", "1.5", "-0.0", "1e6", "100000000", "1i")
		case 2:
			return g.expression(reflect.TypeFor[[]any](), depth-1)
		case 3:
			return g.expression(reflect.TypeFor[map[string]any](), depth-1)
		}
		return g.text()
	}
	switch wanted.Kind() {
	case reflect.String:
		return g.text()
	case reflect.Int, reflect.Int64, reflect.Int32, reflect.Uint32:
		return g.number()
	case reflect.Float64:
		return g.pick("1.5", "0.1", "2", "-3.75", "1e3", "0")
	case reflect.Bool:
		return g.pick("true", "false")
	case reflect.Map:
		return g.pick(`(dict "a" 1 "b" "x")`, `(fromJson .json)`, `(fromJson "{\"a\":{\"b\":2},\"k\":[1]}")`, `(dict "k" (list 1 2) "d" (dict "e" nil))`, `(dict)`, `(fromYaml .yaml)`)
	case reflect.Slice:
		return g.pick(`(list 1 "a" 2.5 nil)`, `(list "b" "a" "c" "a")`, `(list)`, `(fromJson .list)`, `(splitList "," .csv)`, `(until 4)`, `(list (list 1 2) (dict "a" 1))`, `(tuple 3 1 2)`)
	}
	return g.text()
}

// time never is the present: what is no time stands for it in sprig.
func (g *generator) time() string {
	return `(toDate "2006-01-02 15:04" "` + g.pick("2024-02-29 12:34", "1999-12-31 23:59", "x") + `")`
}

func (g *generator) text() string {
	if g.chance(45) {
		field := fields[g.Intn(len(fields))]
		switch {
		case strings.Contains(field, "-"):
			return `(index . "` + field + `")`
		case g.chance(20):
			return "$." + field
		}
		return "." + field
	}
	word := words[g.Intn(len(words))]
	if g.chance(10) && !strings.Contains(word, "\\") {
		return "`" + word + "`"
	}
	return `"` + word + `"`
}

func (g *generator) number() string {
	return g.pick("0", "1", "2", "3", "5", "-1", "-3", "10", "12", "0x1F", "0b11", "1_0", strconv.Itoa(g.Intn(30)))
}

// callFor writes a call whose result may stand where wanted is.
func (g *generator) callFor(wanted reflect.Type, depth int) (string, bool) {
	if g.chance(12) {
		return "(" + g.builtin(depth) + ")", true
	}
	if g.chance(5) {
		return g.pick(`(keys `, `(values `) + g.expression(reflect.TypeFor[map[string]any](), depth) + " | sortAlpha)", true
	}
	if g.chance(4) {
		layout := g.pick("2006-01-02", "Mon Jan _2 15:04:05.000 2006", "02/01/06 03:04PM -0700 MST Z07:00", "Monday January 002")
		return fmt.Sprintf("(%s %q %s %q)", "dateInZone", layout, g.time(), g.pick("UTC", "Europe/Berlin", "Asia/Tokyo", "Nope")), true
	}
	for range 40 {
		s := signatures[g.Intn(len(signatures))]
		if s.result.AssignableTo(wanted) || s.result == anyType && g.chance(20) {
			return "(" + g.call(s, depth, false) + ")", true
		}
	}
	return "", false
}

func (g *generator) builtin(depth int) string {
	e := func() string { return g.expression(anyType, depth) }
	switch g.Intn(9) {
	case 0:
		return g.pick("eq", "ne", "lt", "le", "gt", "ge") + " " + e() + " " + e()
	case 1:
		return g.pick("and", "or") + " " + e() + " " + e()
	case 2:
		return "not " + e()
	case 3:
		return "len " + e()
	case 4:
		return "index " + e() + " " + e()
	case 5:
		return g.pick("print", "println") + " " + e() + " " + e()
	case 6:
		return "printf " + g.text() + " " + e() + " " + e()
	case 7:
		return g.pick("html", "js", "urlquery") + " " + e()
	}
	return "printf " + g.pick(`"%v"`, `"%d %s"`, `"%q"`, `"%5v|%-5v"`, `"%+d"`, `"%x"`, `"%T"`, `"%#v"`, `"%6.2f"`, `"%e"`, `"%g"`, `"%08.3f"`, `"%*d"`, `"%[2]v %[1]v"`, `"%c %U"`, `"%t"`, `"%o"`, `"%b"`, `"% x"`, `"%+q"`) + " " + e() + " " + e()
}

func (g *generator) call(s signature, depth int, piped bool) string {
	params := s.params
	if s.variadic {
		last := params[len(params)-1].Elem()
		params = params[: len(params)-1 : len(params)-1]
		for range g.Intn(4) {
			params = append(params, last)
		}
	}
	if piped && len(params) > 0 {
		params = params[:len(params)-1]
	}
	if g.chance(3) {
		params = params[:g.Intn(len(params)+1)]
	}
	text := s.name
	for _, param := range params {
		if growing[s.name] && param.Kind() == reflect.Int {
			text += " " + g.number()
			continue
		}
		text += " " + g.expression(param, depth)
	}
	return text
}
