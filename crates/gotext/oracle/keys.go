package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	random "math/rand"
	"net"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"golang.org/x/crypto/bcrypt"
	"software.sslmate.com/src/go-pkcs12"
)

// A keyCheck holds keys and certificates of all kinds, made anew for each run.
type keyCheck struct {
	*engine
	*report
	*random.Rand
	keys             []crypto.Signer
	keyTexts         []string
	keyDERs          [][]byte
	root, inter      *x509.Certificate
	chain            string
	certificateTexts []string
	files            [][]byte
}

// checkKeys compares what is made of keys and certificates, and has Go read what the crate writes.
func checkKeys(s *settings, r *report) {
	e := start(s.answer)
	defer e.stop()
	fmt.Println("keys: seed", s.seed)
	c := keyCheck{engine: e, report: r, Rand: random.New(random.NewSource(s.seed))}
	c.makeKeys()
	c.makeCertificates()
	c.readFiles()
	c.writeFiles()
	c.orderChains()
	c.decryptTexts()
	c.convertWebKeys(s.seconds / 4)
	c.ciphersAndPasswords()
	c.issueCertificates()
	for end := time.Now().Add(s.seconds / 2); time.Now().Before(end); {
		c.damagedInputs()
	}
}

func argument(value any) any {
	switch value := value.(type) {
	case string:
		return map[string]any{"text": []byte(value)}
	case int:
		return map[string]any{"int": value}
	case uint32:
		return map[string]any{"uint32": value}
	case []string:
		texts := [][]byte{}
		for _, text := range value {
			texts = append(texts, []byte(text))
		}
		return map[string]any{"texts": texts}
	}
	return value
}

// nested is an argument that is the result of another call.
func nested(name string, args ...any) any {
	converted := []any{}
	for _, arg := range args {
		converted = append(converted, argument(arg))
	}
	return map[string]any{"call": []any{name, converted}}
}

func (c *keyCheck) call(name string, args ...any) answer {
	q := question{Kind: "call", Name: name}
	for _, arg := range args {
		q.Args = append(q.Args, argument(arg))
	}
	if q.Args == nil {
		q.Args = []any{}
	}
	return c.ask(q)
}

// wanted gives what the Go function gives, in the form of answer.text.
func wanted(name string, args ...any) (result string) {
	defer func() {
		if panicked := recover(); panicked != nil {
			result = fmt.Sprint("error: ", panicked)
		}
	}()
	function := reflect.ValueOf(allFunctions[name])
	var values []reflect.Value
	for i, arg := range args {
		value := reflect.ValueOf(arg)
		if texts, ok := arg.([]string); ok {
			list := []any{}
			for _, text := range texts {
				list = append(list, text)
			}
			value = reflect.ValueOf(list)
		}
		values = append(values, value.Convert(function.Type().In(i)))
	}
	results := function.Call(values)
	if len(results) == 2 && !results[1].IsNil() {
		return "error: " + results[1].Interface().(error).Error()
	}
	switch value := results[0].Interface().(type) {
	case string:
		return "text: " + value
	case []string:
		return "text: " + strings.Join(value, ",")
	}
	return "a certificate"
}

// compare calls a function on both sides.
func (c *keyCheck) compare(name string, args ...any) {
	got := c.call(name, args...)
	text := got.text()
	if got.List != nil {
		text = "text: " + string(bytes.Join(got.List, []byte(",")))
	}
	if got.Fields != nil {
		text = "a certificate"
	}
	want := wanted(name, args...)
	if strings.Contains(want, "0xc0") {
		return // An address.
	}
	c.same(fmt.Sprintf("%s %q", name, args), text, want)
}

func (c *keyCheck) makeKeys() {
	small, _ := rsa.GenerateKey(rand.Reader, 2048)
	large, _ := rsa.GenerateKey(rand.Reader, 3072)
	p256, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	p521, _ := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	_, edwards, _ := ed25519.GenerateKey(rand.Reader)
	c.keys = []crypto.Signer{small, large, p256, p384, p521, edwards}
	add := func(label string, der []byte) {
		c.keyTexts = append(c.keyTexts, pemText(label, der))
		c.keyDERs = append(c.keyDERs, der)
	}
	for _, key := range c.keys {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		check(err)
		add("PRIVATE KEY", der)
		switch key := key.(type) {
		case *rsa.PrivateKey:
			add("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
		case *ecdsa.PrivateKey:
			der, err := x509.MarshalECPrivateKey(key)
			check(err)
			add("EC PRIVATE KEY", der)
		}
	}
}

func (c *keyCheck) certificate(parent *x509.Certificate, signer crypto.Signer, template *x509.Certificate, key crypto.Signer) *x509.Certificate {
	if parent == nil {
		parent, signer = template, key
	}
	template.SerialNumber = big.NewInt(c.Int63())
	template.NotBefore = time.Now()
	template.NotAfter = time.Now().Add(24 * time.Hour * time.Duration(c.Intn(40000)))
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	check(err)
	made, err := x509.ParseCertificate(der)
	check(err)
	c.certificateTexts = append(c.certificateTexts, certificateText(made))
	return made
}

func (c *keyCheck) makeCertificates() {
	page, _ := url.Parse("https://example.com/a?b#c")
	identity, _ := url.Parse("spiffe://x.y/z")
	_, network, _ := net.ParseCIDR("10.0.0.0/8")
	c.root = c.certificate(nil, nil, &x509.Certificate{
		IsCA: true, BasicConstraintsValid: true,
		Subject: pkix.Name{
			CommonName: "root, Inc #1", Country: []string{"DE"}, Organization: []string{"A", "B+C"}, OrganizationalUnit: []string{" ü "}, SerialNumber: "12",
			ExtraNames: []pkix.AttributeTypeAndValue{{Type: []int{1, 2, 840, 113549, 1, 9, 1}, Value: "a@b.c"}},
		},
		PermittedDNSDomains: []string{".example.com"}, PermittedIPRanges: []*net.IPNet{network}, PermittedEmailAddresses: []string{"a@x.y"},
		PermittedURIDomains: []string{".z"}, CRLDistributionPoints: []string{"http://crl/x"}, OCSPServer: []string{"http://ocsp"},
	}, c.keys[2])
	c.inter = c.certificate(c.root, c.keys[2], &x509.Certificate{
		IsCA: true, BasicConstraintsValid: true, MaxPathLen: 1, KeyUsage: x509.KeyUsageCertSign, Subject: pkix.Name{CommonName: "inter"},
	}, c.keys[3])
	leaf := c.certificate(c.inter, c.keys[3], &x509.Certificate{
		Subject: pkix.Name{CommonName: "leaf"}, SubjectKeyId: []byte{1, 2}, DNSNames: []string{"a.example.com", "*.b"},
		IPAddresses: []net.IP{net.ParseIP("1.2.3.4"), net.ParseIP("2001:db8::1"), net.ParseIP("::")}, EmailAddresses: []string{"x@y.z"},
		URIs: []*url.URL{page, identity}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, c.keys[0])
	for i, key := range c.keys {
		c.certificate(nil, nil, &x509.Certificate{Subject: pkix.Name{CommonName: fmt.Sprint("self ", i)}, DNSNames: []string{"q"}}, key)
	}
	c.chain = certificateText(leaf, c.inter, c.root)
}

func (c *keyCheck) readFiles() {
	block, _ := pem.Decode([]byte(c.chain))
	leaf, _ := x509.ParseCertificate(block.Bytes)
	for i, key := range c.keys {
		for j, form := range []*pkcs12.Encoder{pkcs12.Modern2023, pkcs12.Modern2026, pkcs12.LegacyDES, pkcs12.LegacyRC2} {
			password := []string{"", "pä$s", "x"}[(i+j)%3]
			file, err := form.Encode(key, leaf, []*x509.Certificate{c.root, c.inter}, password)
			check(err)
			c.files = append(c.files, file)
			for _, tried := range []string{password, "", "wrong", "\xff", "😀"} {
				c.compare("pkcs12keyPass", tried, string(file))
				c.compare("pkcs12certPass", tried, string(file))
			}
		}
	}
	plain, err := pkcs12.Passwordless.Encode(c.keys[0], c.root, nil, "")
	check(err)
	trust, err := pkcs12.Modern.EncodeTrustStore([]*x509.Certificate{c.root}, "x")
	check(err)
	c.files = append(c.files, plain, trust)
	for _, file := range [][]byte{plain, trust, {}, []byte("x"), []byte("hello"), []byte("-----BEGIN")} {
		c.compare("pkcs12key", string(file))
		c.compare("pkcs12keyPass", "x", string(file))
		c.compare("pkcs12cert", string(file))
	}
}

func (c *keyCheck) writeFiles() {
	for _, key := range c.keyTexts {
		for _, password := range []string{"", "pä$s"} {
			c.writeFile(key, password)
		}
	}
	leaf, key := c.certificateTexts[2], c.keyTexts[0]
	for _, bad := range [][3]string{
		{"", "", ""}, {"x", "y", ""}, {leaf, "", ""}, {leaf, leaf, ""}, {key, key, ""}, {leaf + "x", key, ""}, {leaf + "\n", key, ""}, {leaf, key, "😀"}, {leaf + key, key, ""},
	} {
		for name, args := range map[string][]any{
			"fullPemToPkcs12Pass": {bad[0], bad[1], bad[2]}, "pemToPkcs12Pass": {bad[0], bad[1], bad[2]}, "pemTruststoreToPKCS12Pass": {bad[0], bad[2]},
		} {
			if want := wanted(name, args...); strings.HasPrefix(want, "error") {
				c.compare(name, args...)
			} else {
				c.holds(name, c.call(name, args...).Err == nil)
			}
		}
	}
}

// writeFile has Go read files of the crate, which are as long as Go's own.
func (c *keyCheck) writeFile(key, password string) {
	decoded := func(text []byte) []byte {
		file, err := base64.StdEncoding.DecodeString(string(text))
		c.holds("base64", err == nil, err)
		return file
	}
	file := decoded(c.call("fullPemToPkcs12Pass", c.chain, key, password).Out)
	private, leaf, above, err := pkcs12.DecodeChain(file, password)
	c.holds("DecodeChain", err == nil && len(above) == 2, err)
	if err == nil {
		block, _ := pem.Decode([]byte(key))
		given, _ := anyPrivateKey(block.Bytes)
		c.holds("the key is the same", private.(interface{ Equal(crypto.PrivateKey) bool }).Equal(given))
		c.same("the leaf", certificateText(append([]*x509.Certificate{leaf}, above...)...), c.chain)
	}
	own, _ := keyStore(c.chain, key, password, true)
	c.same("length of a key store", fmt.Sprint(len(file)), fmt.Sprint(len(decoded([]byte(own)))))

	_, _, above, err = pkcs12.DecodeChain(decoded(c.call("pemToPkcs12Pass", c.chain, key, password).Out), password)
	c.holds("DecodeChain", err == nil && len(above) == 0, err)

	file = decoded(c.call("pemTruststoreToPKCS12Pass", c.chain, password).Out)
	trusted, err := pkcs12.DecodeTrustStore(file, password)
	c.holds("DecodeTrustStore", err == nil && len(trusted) == 3, err)
	own, _ = trustStore(c.chain, password)
	c.same("length of a trust store", fmt.Sprint(len(file)), fmt.Sprint(len(decoded([]byte(own)))))
}

func (c *keyCheck) orderChains() {
	for i := range 300 {
		text := ""
		for range c.Intn(5) {
			text += c.certificateTexts[c.Intn(len(c.certificateTexts))]
		}
		if i%10 == 0 {
			text = "junk" + text
		}
		for _, part := range []string{"leaf", "intermediate", "root", "other"} {
			c.compare("filterCertChain", part, text)
		}
		c.compare("certSANs", text)
	}
}

func (c *keyCheck) decryptTexts() {
	public := c.keys[0].Public().(*rsa.PublicKey)
	for _, name := range []string{"SHA1", "SHA256", "SHA512", "None", "other"} {
		encrypted, err := rsa.EncryptOAEP(hashNamed(name), rand.Reader, public, []byte("secret\x00\xff"), nil)
		check(err)
		for _, key := range append([]string{"x", c.chain}, c.keyTexts...) {
			c.compare("rsaDecrypt", "RSA-OAEP", name, string(encrypted), key)
			c.compare("rsaDecrypt", "other", name, string(encrypted), key)
		}
	}
}

func (c *keyCheck) convertWebKeys(limit time.Duration) {
	var texts []string
	for _, key := range c.keys {
		for _, raw := range []any{key, key.Public()} {
			web, err := jwk.FromRaw(raw)
			check(err)
			text, err := json.Marshal(web)
			check(err)
			texts = append(texts, string(text))
			var members map[string]any
			check(json.Unmarshal(text, &members))
			for _, optional := range []string{"dp", "dq", "qi"} {
				delete(members, optional)
			}
			text, _ = json.Marshal(members)
			texts = append(texts, string(text))
		}
	}
	texts = append(texts, "", "x", "{", "[]", "1", "-", "null", "{}", `{"kty":1}`, `{"kty":"EC"}`, `{"kty":"zz"}`, `{"kty":"oct","k":"AAAA"}`,
		`{"kty":"OKP","crv":"X25519","x":"hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo","d":"dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo"}`)
	convert := func(text string) {
		c.compare("jwkPublicKeyPem", text)
		c.compare("jwkPrivateKeyPem", text)
	}
	for _, text := range texts {
		convert(text)
	}
	g := generator{Rand: c.Rand}
	for end := time.Now().Add(limit); time.Now().Before(end); {
		text := texts[c.Intn(len(texts))]
		if c.Intn(2) == 0 {
			text = g.damage(text)
		} else {
			text = strings.Replace(text, g.pick(`"x"`, `"d"`, `"P-256"`, `"n"`, `"e"`, `"kty"`, `"`), g.pick("1", `"q"`, "null", "[]", "{", `"crv"`), 1)
		}
		convert(text)
	}
}

func (c *keyCheck) ciphersAndPasswords() {
	for _, password := range []string{"pass\x00word", strings.Repeat("a", 72)} {
		hash := c.call("bcrypt", password).Out
		c.holds("bcrypt", bcrypt.CompareHashAndPassword(hash, []byte(password)) == nil, hash)
	}
	c.compare("bcrypt", strings.Repeat("a", 73))
	line := string(c.call("htpasswd", "u", "p", "x").Out)
	c.holds("htpasswd", strings.HasPrefix(line, "u:$2a$10$") && bcrypt.CompareHashAndPassword([]byte(line[2:]), []byte("p")) == nil, line)
	for _, kind := range []string{"maximum", "long", "medium", "short", "basic", "pin", "other"} {
		c.compare("derivePassword", uint32(7), kind, "pä", "u", "site")
	}
	for i := range 50 {
		text, password := strings.Repeat("m", i+1), strings.Repeat("k", i)
		c.same("encryptAES", wanted("decryptAES", password, string(c.call("encryptAES", password, text).Out)), "text: "+text)
		own := strings.TrimPrefix(wanted("encryptAES", password, text), "text: ")
		c.same("decryptAES", c.call("decryptAES", password, own).text(), "text: "+text)
	}
	for i := range 200 {
		noise := make([]byte, i%67)
		rand.Read(noise)
		c.compare("decryptAES", "k", base64.StdEncoding.EncodeToString(noise))
		c.compare("decryptAES", "k", string(c.damage([]byte(base64.StdEncoding.EncodeToString(noise)+"a"))))
	}
	for _, kind := range []string{"", "rsa", "ecdsa", "ed25519"} {
		made, _ := pem.Decode(c.call("genPrivateKey", kind).Out)
		own, _ := pem.Decode([]byte(strings.TrimPrefix(wanted("genPrivateKey", kind), "text: ")))
		c.holds("genPrivateKey "+kind, made != nil && made.Type == own.Type && len(made.Bytes) < len(own.Bytes)+8)
	}
	c.compare("genPrivateKey", "other")
	c.compare("randInt", 5, 5)
	c.compare("randInt", 5, 4)
	c.compare("randBytes", -1)
	for _, name := range []string{"randAlphaNum", "randAlpha", "randNumeric", "randAscii"} {
		c.compare(name, -1)
		c.compare(name, 0)
	}
	numbers := map[int64]bool{}
	for range 300 {
		numbers[*c.call("randInt", -3, 4).Int] = true
	}
	c.holds("randInt", len(numbers) == 7 && numbers[-3] && numbers[3], numbers)
	letters := map[byte]bool{}
	for _, letter := range c.call("randAscii", 20000).Out {
		letters[letter] = true
	}
	c.holds("randAscii", len(letters) == 95 && letters[' '] && letters['~'], letters)
}

// damage changes single bytes, mostly where lengths and tags stand.
func (c *keyCheck) damage(original []byte) []byte {
	changed := append([]byte{}, original...)
	for range 1 + c.Intn(3) {
		at := c.Intn(len(changed))
		switch c.Intn(6) {
		case 0:
			changed[at] = byte(c.Intn(256))
		case 1:
			changed[at] ^= 1 << c.Intn(8)
		case 2:
			changed = changed[:at+1]
		case 3:
			changed = append(changed[:at:at], changed[min(len(changed), at+1+c.Intn(3)):]...)
			if len(changed) == 0 {
				changed = []byte{0x30}
			}
		case 4:
			changed = append(changed[:at:at], append([]byte{byte(c.Intn(256))}, changed[at:]...)...)
		case 5:
			tags := []byte{0, 1, 2, 0x30, 0x31, 0x80, 0xa0, 0xff}
			changed[c.Intn(min(len(changed), 60))] = tags[c.Intn(len(tags))]
		}
	}
	return changed
}

func (c *keyCheck) damagedInputs() {
	certificate := c.certificateTexts[c.Intn(len(c.certificateTexts))]
	block, _ := pem.Decode([]byte(certificate))
	c.compare("certSANs", pemText("CERTIFICATE", c.damage(block.Bytes)))

	key := c.damage(c.keyDERs[c.Intn(len(c.keyDERs))])
	leaf := base64.StdEncoding.EncodeToString([]byte(c.certificateTexts[2]))
	for _, label := range []string{"PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY", "X PRIVATE KEY", "Y"} {
		c.compare("buildCustomCert", leaf, base64.StdEncoding.EncodeToString([]byte(pemText(label, key))))
	}
	c.compare("rsaDecrypt", "RSA-OAEP", "SHA1", "x", pemText("PRIVATE KEY", key))
	if c.Intn(10) == 0 {
		file := c.damage(c.files[c.Intn(len(c.files))])
		c.compare("pkcs12keyPass", c.password(), string(file))
	}
	tail := "-----BEGIN A-----\nX: y\nProc-Type: 4,ENC\n\nAAEC\n-----END A-----\n-----BEGIN B-----\n-----END B-----\n-----BEGIN C-----\n AA EC\t\r\n-----END C-----  \r\nrest"
	text := string(c.damage([]byte(certificate[len(certificate)-100:] + tail)))
	parts := []string{"-----BEGIN A-----", "-----END A-----", "-----BEGIN B-----", "-----END B-----", "\n", "\n", "\n", "\r\n", "AAEC", "X: y", ":", " ", "\t", "-----", "=", "AA==", "-----BEGIN ", "-----END "}
	var pieces strings.Builder
	for range c.Intn(14) {
		pieces.WriteString(parts[c.Intn(len(parts))])
	}
	for _, label := range []string{"a", "b", "c", "CERTIFICATE"} {
		c.compare("filterPEM", label, text)
		c.compare("filterPEM", label, pieces.String())
	}
}

func (c *keyCheck) password() string { return []string{"", "pä$s", "x"}[c.Intn(3)] }
