package main

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"sigs.k8s.io/yaml"
)

// functions is sprig as External Secrets offers it, with its own functions.
func functions() template.FuncMap {
	all := sprig.TxtFuncMap()
	for _, removed := range []string{"env", "expandenv", "getHostByName"} {
		delete(all, removed)
	}
	all["hexdec"] = func(text string) string {
		decoded, err := hex.DecodeString(text)
		if err != nil {
			return err.Error()
		}
		return string(decoded)
	}
	// External Secrets builds sprig from a commit after its last release, which takes the kind of hash.
	hashed := all["htpasswd"].(func(string, string) string)
	all["htpasswd"] = func(user, password, kind string) string {
		if strings.Contains(user, ":") || kind != "sha" {
			return hashed(user, password)
		}
		sum := sha1.Sum([]byte(password))
		return user + ":{SHA}" + base64.StdEncoding.EncodeToString(sum[:])
	}
	all["toYaml"] = func(value any) string {
		text, err := yaml.Marshal(value)
		if err != nil {
			return ""
		}
		return strings.TrimSuffix(string(text), "\n")
	}
	all["fromYaml"] = func(text string) map[string]any {
		value := map[string]any{}
		if err := yaml.Unmarshal([]byte(text), &value); err != nil {
			value["Error"] = err.Error()
		}
		return value
	}
	for name, function := range keyFunctions() {
		all[name] = function
	}
	return all
}

var allFunctions = functions()

// render gives what text/template gives, in the form of answer.text.
func render(text string, data any, functions, missingkey string) (result string) {
	defer func() {
		if panicked := recover(); panicked != nil {
			result = fmt.Sprint("panic: ", panicked)
		}
	}()
	t := template.New("t").Option("missingkey=" + missingkey)
	if functions != "none" {
		t = t.Funcs(allFunctions)
	}
	t, err := t.Parse(text)
	if err != nil {
		return "error: " + err.Error()
	}
	var out bytes.Buffer
	if err := t.Execute(&out, data); err != nil {
		return "error: " + err.Error()
	}
	return "text: " + out.String()
}
