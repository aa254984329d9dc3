package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"time"

	"github.com/robfig/cron/v3"
	"github.com/tidwall/gjson"
	"sigs.k8s.io/yaml"
)

// checkTables gives the rows of the tables to Go once more: what the tables expect must be what Go gives. (That the
// crate gives it too is a test of the crate.)
func checkTables(s *settings, r *report) {
	for _, name := range []string{"template", "functions"} {
		for _, row := range rows[templateRow](s, name) {
			var data any = row.Data
			if row.Root == "map[string]string" {
				texts := map[string]string{}
				for key, value := range row.Data {
					texts[key], _ = value.(string)
				}
				data = texts
			}
			want := "text: " + row.Want
			if row.WantBytes != nil {
				want = "text: " + string(row.WantBytes)
			}
			if row.Error != "" {
				want = "error: " + row.Error
			}
			r.same(name+" "+row.Name, want, render(row.Template, data, row.Funcs, row.Missingkey))
		}
	}
	for _, row := range rows[gjsonRow](s, "gjson") {
		found := gjson.Get(row.JSON, row.Path)
		r.same("gjson "+row.Path, row.Str, found.String())
		r.same("gjson raw "+row.Path, row.Raw, found.Raw)
		r.holds("gjson "+row.Path, row.Exists == found.Exists() && row.Valid == gjson.Valid(row.JSON))
	}
	for _, row := range rows[regexRow](s, "regex") {
		want := "text: " + row.Want
		if row.Error != "" {
			want = "error: " + row.Error
		}
		r.same("regex "+row.Re, want, replaceAll(row.Re, row.S, row.Repl))
		if row.Error == "" {
			expression := regexp.MustCompile(row.Re)
			r.same("regex all "+row.Re, fmt.Sprintf("%q", row.All), fmt.Sprintf("%q", expression.FindAllString(row.S, -1)))
			r.same("regex split "+row.Re, fmt.Sprintf("%q", row.Split), fmt.Sprintf("%q", expression.Split(row.S, -1)))
			r.same("regex quote "+row.Re, row.Quote, regexp.QuoteMeta(row.Re))
		}
	}
	for _, row := range rows[yamlRow](s, "yaml-emit") {
		text, err := yaml.Marshal(row.V)
		r.same(fmt.Sprint("yaml-emit ", row.V), row.YAML, string(text))
		r.holds("yaml-emit", err == nil, err)
	}
	for _, row := range rows[yamlRow](s, "yaml-parse") {
		var value any
		err := yaml.Unmarshal([]byte(row.Y), &value)
		r.holds("yaml-parse "+row.Y, (err != nil) == (row.Err != "") && (err != nil || reflect.DeepEqual(value, row.V)), err, value)
	}
	for _, row := range rows[cronRow](s, "cron") {
		schedule, err := cron.ParseStandard(row.Expr)
		r.holds("cron "+row.Expr, (err != nil) == (row.Err != ""), err)
		if err == nil {
			at, _ := time.Parse(time.RFC3339, row.From)
			for _, next := range row.Next {
				at = schedule.Next(at)
				r.same("cron "+row.Expr, next, at.UTC().Format(time.RFC3339))
			}
		}
	}
}

type templateRow struct {
	Name, Template, Root, Funcs, Missingkey, Want, Error string
	Data                                                 map[string]any
	WantBytes                                            []byte `json:"want_b64"`
}

type gjsonRow struct {
	JSON, Path, Raw, Str string
	Exists, Valid        bool
}

type regexRow struct {
	Re, S, Repl, Want, Error, Quote string
	All, Split                      []string
}

type yamlRow struct {
	V            any
	Y, YAML, Err string
}

type cronRow struct {
	Expr, From, Err string
	Next            []string
}

func rows[Row any](s *settings, name string) []Row {
	text, err := os.ReadFile(filepath.Join(s.cases, name+".json"))
	check(err)
	var table []Row
	check(json.Unmarshal(text, &table))
	return table
}
