package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// secured gives the settings of TLS, nil if there is none. The secrets go where SSLKEYLOGFILE says.
func (conf *config) secured() *tls.Config {
	if conf.Cert == "" {
		return nil
	}
	text := must(os.ReadFile(conf.Cert))
	c := &tls.Config{RootCAs: x509.NewCertPool(), Certificates: []tls.Certificate{must(tls.X509KeyPair(text, text))}}
	c.RootCAs.AppendCertsFromPEM(text)
	c.KeyLogWriter = must(os.OpenFile(os.Getenv("SSLKEYLOGFILE"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600))
	if conf.TLSMax == "TLSv1.2" {
		c.MaxVersion = tls.VersionTLS12
	}
	if conf.Role == "client" {
		c.Certificates = nil
	}
	if fault := faults[conf.Fault]; fault != nil {
		fault(c)
	}
	return c
}

// faults are the ways in which TLS fails.
var faults = map[string]func(*tls.Config){
	"expired":     func(c *tls.Config) { c.Certificates = certificate(-90, -3, "localhost") },
	"early":       func(c *tls.Config) { c.Certificates = certificate(3, 90, "localhost") },
	"name":        func(c *tls.Config) { c.Certificates = certificate(-90, 90, "www.example") },
	"self-signed": func(c *tls.Config) { c.Certificates = certificate(-90, 90, "localhost") },
	"versions":    func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 },
	"only-1.2":    func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 },
	"gcm-256": func(c *tls.Config) {
		c.CipherSuites = []uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}
	},
	"gcm-128": func(c *tls.Config) {
		c.CipherSuites = []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
		c.ServerName = "localhost"
	},
	"no-name":     func(c *tls.Config) { c.GetConfigForClient = nobody }, // crypto/tls answers with unrecognized_name
	"ciphers":     func(c *tls.Config) { c.CipherSuites = []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA} },
	"alpn":        func(c *tls.Config) { c.NextProtos = []string{"mqtt"} },
	"alpn-http":   func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} },
	"localhost":   func(c *tls.Config) { c.ServerName = "localhost" },
	"nameless":    func(c *tls.Config) {}, // the URL has an address
	"other-name":  func(c *tls.Config) { c.ServerName = "old.example" },
	"client-cert": func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert },
	"chain":       func(c *tls.Config) { c.Certificates = signed(90) },
	"soon":        func(c *tls.Config) { c.Certificates = signed(5) },
	"trusting":    func(c *tls.Config) { c.InsecureSkipVerify, c.ServerName = true, "localhost" },
	"old":         func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 },
	"alpn-h2":     func(c *tls.Config) { c.NextProtos = []string{"h2", "http/1.1"} },
	"unknown-ca":  func(c *tls.Config) { c.RootCAs = x509.NewCertPool() },
}

// nobody has no certificate for any name.
func nobody(*tls.ClientHelloInfo) (*tls.Config, error) { return &tls.Config{}, nil }

// signed is a certificate of an authority that nobody has, alone, valid for so many days.
func signed(days int) []tls.Certificate {
	ca := certificate(-90, 900, "authority")[0]
	issuer := must(x509.ParseCertificate(ca.Certificate[0]))
	leaf := certificate(-90, days, "localhost")[0]
	template := must(x509.ParseCertificate(leaf.Certificate[0]))
	key := leaf.PrivateKey.(*ecdsa.PrivateKey)
	leaf.Certificate[0] = must(x509.CreateCertificate(rand.Reader, template, issuer, &key.PublicKey, ca.PrivateKey))
	return []tls.Certificate{leaf}
}

// certificate is one that signed itself, valid between two days from now.
func certificate(from, to int, name string) []tls.Certificate {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: now.AddDate(0, 0, from), NotAfter: now.AddDate(0, 0, to),
	}
	if name == "localhost" {
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	der := must(x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key))
	return []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
}

func must[T any](v T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, "gopeer:", err)
		os.Exit(1)
	}
	return v
}
