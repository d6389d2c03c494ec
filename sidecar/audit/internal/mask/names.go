package mask

import "strings"

// usualNames are the names of fields that usually hold secrets, normalized.
func usualNames() map[string]bool {
	all := map[string]bool{}
	for name := range strings.FieldsSeq(`password passwd pwd passphrase secret clientsecret token accesstoken refreshtoken idtoken authtoken
		bearertoken sessiontoken csrftoken apikey apitoken xapikey authorization cookie setcookie credential credentials privatekey
		secretkey accesskey accesskeyid secretaccesskey sessionid ssn socialsecuritynumber creditcard creditcardnumber cardnumber
		cvv cvc otp connectionstring databaseurl dsn sig jwt`) {
		all[name] = true
	}
	return all
}

// isSecret reports whether a field with this name is secret.
func (m *Masker) isSecret(name string) bool {
	n := normalize(name)
	if m.names[n] {
		return true
	}
	for _, end := range []string{"password", "passwd", "passphrase", "secret", "apikey", "accesstoken", "refreshtoken", "authtoken", "privatekey", "secretkey"} {
		if strings.HasSuffix(n, end) {
			return true
		}
	}
	return false
}

// normalize makes client-secret, client_secret and clientSecret one.
func normalize(name string) string {
	if isNormal(name) {
		return name
	}
	n := make([]byte, 0, 64)
	for i := range len(name) {
		switch c := name[i]; c {
		case '_', '-', '.', ' ':
		default:
			n = append(n, c)
		}
	}
	return strings.ToLower(string(n))
}

// isNormal reports whether a name has small letters and digits only.
func isNormal(name string) bool {
	for i := range len(name) {
		if c := name[i]; (c < 'a' || c > 'z') && !isDigit(c) {
			return false
		}
	}
	return true
}
