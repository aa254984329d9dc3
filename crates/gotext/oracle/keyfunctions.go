package main

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"strings"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"software.sslmate.com/src/go-pkcs12"
)

// keyFunctions are those of External Secrets that work on keys and certificates, written anew on the packages it uses.
func keyFunctions() map[string]any {
	return map[string]any{
		"pkcs12key":                 func(file string) (string, error) { return fileKey("", file) },
		"pkcs12keyPass":             fileKey,
		"pkcs12cert":                func(file string) (string, error) { return fileCertificates("", file) },
		"pkcs12certPass":            fileCertificates,
		"pemToPkcs12":               func(c, k string) (string, error) { return keyStore(c, k, "", false) },
		"pemToPkcs12Pass":           func(c, k, p string) (string, error) { return keyStore(c, k, p, false) },
		"fullPemToPkcs12":           func(c, k string) (string, error) { return keyStore(c, k, "", true) },
		"fullPemToPkcs12Pass":       func(c, k, p string) (string, error) { return keyStore(c, k, p, true) },
		"pemTruststoreToPKCS12":     func(c string) (string, error) { return trustStore(c, "") },
		"pemTruststoreToPKCS12Pass": trustStore,
		"filterPEM":                 filterPEM,
		"filterCertChain":           filterChain,
		"certSANs":                  alternativeNames,
		"jwkPublicKeyPem":           func(text string) (string, error) { return webKey(text, "PUBLIC KEY", x509.MarshalPKIXPublicKey) },
		"jwkPrivateKeyPem":          func(text string) (string, error) { return webKey(text, "PRIVATE KEY", x509.MarshalPKCS8PrivateKey) },
		"rsaDecrypt":                decrypt,
	}
}

func pemText(label string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
}

func certificateText(certificates ...*x509.Certificate) string {
	var text strings.Builder
	for _, certificate := range certificates {
		text.WriteString(pemText("CERTIFICATE", certificate.Raw))
	}
	return text.String()
}

func anyPrivateKey(der []byte) (any, error) {
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key, nil
	}
	return nil, errors.New("unable to parse private key type")
}

func fileKey(password, file string) (string, error) {
	key, _, _, err := pkcs12.DecodeChain([]byte(file), password)
	if err != nil {
		return "", fmt.Errorf("unable to decode pkcs12 with password: %s", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", err
	}
	return pemText("PRIVATE KEY", der), nil
}

func fileCertificates(password, file string) (string, error) {
	_, leaf, above, err := pkcs12.DecodeChain([]byte(file), password)
	if err != nil {
		return "", fmt.Errorf("unable to decode pkcs12 certificate with password: %s", err)
	}
	text := certificateText(append([]*x509.Certificate{leaf}, above...)...)
	if ordered, err := chain(text); err == nil {
		return certificateText(ordered...), nil
	}
	return text, nil
}

// every wants nothing but certificates; like the original it trips over anything else.
func every(rest []byte) ([]*x509.Certificate, error) {
	var certificates []*x509.Certificate
	for len(rest) > 0 {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certificates = append(certificates, certificate)
	}
	return certificates, nil
}

func keyStore(certificates, key, password string, full bool) (string, error) {
	block, rest := pem.Decode([]byte(certificates))
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return "", err
	}
	var above []*x509.Certificate
	if full {
		if above, err = every(rest); err != nil {
			return "", err
		}
	}
	block, _ = pem.Decode([]byte(key))
	parsed, err := anyPrivateKey(block.Bytes)
	if err != nil {
		return "", err
	}
	file, err := pkcs12.Modern.Encode(parsed, leaf, above, password)
	return base64.StdEncoding.EncodeToString(file), err
}

func trustStore(certificates, password string) (string, error) {
	all, err := every([]byte(certificates))
	if err != nil {
		return "", err
	}
	file, err := pkcs12.Modern.EncodeTrustStore(all, password)
	return base64.StdEncoding.EncodeToString(file), err
}

func withoutJunk(text string) []byte {
	if start := strings.Index(text, "-----BEGIN"); start >= 0 {
		return []byte(text[start:])
	}
	return []byte(text)
}

func filterPEM(label, text string) (string, error) {
	rest := withoutJunk(text)
	var kept bytes.Buffer
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if strings.EqualFold(block.Type, label) {
			if err := pem.Encode(&kept, block); err != nil {
				return "", err
			}
		}
	}
	if kept.Len() == 0 && len(rest) > 0 {
		return "", errors.New("error filtering pem: found junk")
	}
	return kept.String(), nil
}

// chain orders certificates by key identifiers: each one's issuer is the first other one that fits.
func chain(text string) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		all = append(all, certificate)
	}
	issuer := map[int]int{}
	issues := map[int]bool{}
	for i := range all {
		for j := range all {
			if i != j && bytes.Equal(all[i].AuthorityKeyId, all[j].SubjectKeyId) {
				issuer[i], issues[j] = j, true
				break
			}
		}
	}
	leaf := -1
	for i := range all {
		switch {
		case issues[i]:
		case leaf >= 0:
			return nil, errors.New("found multiple leaf or disjunct certificates")
		default:
			leaf = i
		}
	}
	if leaf < 0 {
		return nil, errors.New("no leaf certificate found")
	}
	var ordered []*x509.Certificate
	for at, ok := leaf, true; ok; at, ok = issuer[at] {
		if len(ordered) == len(all) {
			return nil, errors.New("constructing chain resulted in cycle")
		}
		ordered = append(ordered, all[at])
	}
	return ordered, nil
}

func isRoot(certificate *x509.Certificate) bool {
	return certificate.AuthorityKeyId == nil || bytes.Equal(certificate.AuthorityKeyId, certificate.SubjectKeyId)
}

func filterChain(part, text string) (string, error) {
	ordered, err := chain(text)
	if err != nil {
		return "", err
	}
	switch part {
	case "leaf":
		if !isRoot(ordered[0]) {
			return certificateText(ordered[0]), nil
		}
	case "intermediate":
		var between []*x509.Certificate
		for _, certificate := range ordered[1:] {
			if isRoot(certificate) {
				break
			}
			between = append(between, certificate)
		}
		return certificateText(between...), nil
	case "root":
		if last := ordered[len(ordered)-1]; isRoot(last) {
			return certificateText(last), nil
		}
	}
	return "", nil
}

func alternativeNames(text string) ([]string, error) {
	block, _ := pem.Decode(withoutJunk(text))
	if block == nil {
		return nil, errors.New("failed to decode PEM block")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("failed to parse certificate: %w", err)
	}
	names := append([]string{}, certificate.DNSNames...)
	for _, address := range certificate.IPAddresses {
		names = append(names, address.String())
	}
	names = append(names, certificate.EmailAddresses...)
	for _, uri := range certificate.URIs {
		names = append(names, uri.String())
	}
	return names, nil
}

func webKey(text, label string, marshal func(any) ([]byte, error)) (string, error) {
	key, err := jwk.ParseKey([]byte(text))
	if err != nil {
		return "", err
	}
	var raw any
	if err := key.Raw(&raw); err != nil {
		return "", err
	}
	der, err := marshal(raw)
	if err != nil {
		return "", err
	}
	return pemText(label, der), nil
}

func decrypt(scheme, name, encrypted, key string) (string, error) {
	switch scheme {
	case "None":
		return encrypted, nil
	case "RSA-OAEP":
	default:
		return "", fmt.Errorf("decryption scheme %v is not supported", scheme)
	}
	block, _ := pem.Decode([]byte(key))
	if block == nil {
		return "", errors.New("failed to decode PEM block")
	}
	parsed, err := anyPrivateKey(block.Bytes)
	if err != nil {
		return "", fmt.Errorf("could not parse private key: %v", err)
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return "", errors.New("could not parse RSA private key")
	}
	plain, err := rsa.DecryptOAEP(hashNamed(name), nil, private, []byte(encrypted), nil)
	if err != nil {
		return "", fmt.Errorf("error decrypting data with RSA: %v", err)
	}
	return string(plain), nil
}

func hashNamed(name string) hash.Hash {
	switch name {
	case "SHA1":
		return sha1.New()
	case "SHA512":
		return sha512.New()
	}
	return sha256.New()
}
