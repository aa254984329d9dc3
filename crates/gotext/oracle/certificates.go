package main

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"reflect"
	"time"
)

// made reads the certificate that was made, and checks that its key belongs to it.
func (c *keyCheck) made(what string, fields map[string][]byte) *x509.Certificate {
	block, _ := pem.Decode(fields["Cert"])
	if block == nil {
		c.holds(what, false, "no certificate")
		return &x509.Certificate{}
	}
	made, err := x509.ParseCertificate(block.Bytes)
	c.holds(what, err == nil, err)
	block, _ = pem.Decode(fields["Key"])
	key, err := anyPrivateKey(block.Bytes)
	c.holds(what, err == nil, err)
	c.holds(what, key.(crypto.Signer).Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(made.PublicKey))
	return made
}

// extensions gives those of a certificate that sprig makes.
func extensions(name string, args ...any) []pkix.Extension {
	var values []reflect.Value
	for _, arg := range args {
		values = append(values, reflect.ValueOf(arg))
	}
	made := reflect.ValueOf(allFunctions[name]).Call(values)[0]
	block, _ := pem.Decode([]byte(made.FieldByName("Cert").String()))
	certificate, err := x509.ParseCertificate(block.Bytes)
	check(err)
	return certificate.Extensions
}

func (c *keyCheck) sameExtensions(what string, made *x509.Certificate, want []pkix.Extension) {
	c.holds(what, len(made.Extensions) == len(want), len(made.Extensions), len(want))
	for i := range min(len(want), len(made.Extensions)) {
		got := made.Extensions[i]
		if want[i].Id.String() == "2.5.29.14" { // The subject key identifier follows from the key.
			c.holds(what, got.Id.Equal(want[i].Id) && len(got.Value) == len(want[i].Value))
			continue
		}
		c.holds(what, reflect.DeepEqual(got, want[i]), got, want[i])
	}
}

func (c *keyCheck) issueCertificates() {
	authority := c.made("genCA", c.call("genCA", "my ca", 365).Fields)
	c.sameExtensions("genCA", authority, extensions("genCA", "my ca", 365))
	c.holds("days", authority.NotAfter.Sub(authority.NotBefore) == 365*24*time.Hour)
	id := sha256.Sum256(authority.RawSubjectPublicKeyInfo[24:])
	c.holds("subject key identifier", bytes.Equal(authority.SubjectKeyId, id[:20]))
	single := c.made("genSelfSignedCert", c.call("genSelfSignedCert", "", []string{"1.2.3.4", "::1"}, []string{"a.b", "c"}, -5).Fields)
	c.sameExtensions("genSelfSignedCert", single, extensions("genSelfSignedCert", "", []any{"1.2.3.4", "::1"}, []any{"a.b", "c"}, -5))

	for i, key := range c.keyTexts {
		made := c.made("genCAWithKey", c.call("genCAWithKey", "ca ü", 30000, key).Fields)
		c.holds("signed by itself", made.CheckSignatureFrom(made) == nil)
		c.made("genSelfSignedCertWithKey", c.call("genSelfSignedCertWithKey", "", []string{"::1"}, []string{"a.b"}, 3, key).Fields)
		signer := c.keyTexts[(i+1)%len(c.keyTexts)]
		// The authority's signature differs from call to call, its key and name do not.
		authority := nested("genCAWithKey", "my ca", 100, signer)
		signed := c.made("genSignedCertWithKey", c.call("genSignedCertWithKey", "leaf", []string{"::ffff:1.2.3.4"}, []string{}, 30, authority, key).Fields)
		issuer := c.made("genCAWithKey", c.call("genCAWithKey", "my ca", 100, signer).Fields)
		c.holds("signed by the authority", signed.CheckSignatureFrom(issuer) == nil && bytes.Equal(signed.AuthorityKeyId, issuer.SubjectKeyId), signed.CheckSignatureFrom(issuer))
		same := c.made("genSignedCert", c.call("genSignedCert", "my ca", []string{}, []string{"x.y"}, 30, authority).Fields)
		c.holds("no authority key identifier under the same name", same.AuthorityKeyId == nil)
	}

	key, leaf := c.keyTexts[4], c.certificateTexts[2]
	for _, args := range [][]any{
		{"cn", []string{"x"}, []string{}, 3, key}, {"cn", []string{"1.2.3.04"}, []string{}, 3, key}, {"cn", []string{"fe80::1%eth0"}, []string{}, 3, key},
		{"cn", []string{}, []string{"ü"}, 3, key}, {"\xff", []string{}, []string{"u"}, 3, key}, {"*.x", []string{}, []string{"u"}, 3, key}, {"x", []string{}, []string{"u"}, 30000000, key},
	} {
		c.compare("genSelfSignedCertWithKey", args...)
	}
	zeros := append([]byte{0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20}, make([]byte, 32)...)
	for _, bad := range []string{"", leaf, pemText("DSA PRIVATE KEY", []byte{0x30, 18, 2, 1, 0, 2, 1, 1, 2, 1, 1, 2, 1, 1, 2, 1, 1, 2, 1, 1}), pemText("PRIVATE KEY", zeros)} {
		c.compare("genCAWithKey", "cn", 3, bad)
	}
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	for _, pair := range [][2]string{{"!", "x"}, {"", "x"}, {"AAAA", "!"}, {encode(leaf), ""}, {encode(leaf), encode(key)}} {
		c.compare("buildCustomCert", pair[0], pair[1])
	}
}
