// the constant part of each provider's sign-in URL
// cognito
// https://auth.vat.example/oauth2/authorize?response_type=code&client_id=6m1cognito&redirect_uri=https%3A%2F%2Fwww.vat.example%2Fshop%2Fauth%2Fcognito.html&scope=openid%20profile%20email&identity_provider=Google&lang=en
// cognito:staff
// https://auth.vat.example/oauth2/authorize?response_type=code&client_id=staff%20%26%20co&redirect_uri=https%3A%2F%2Fwww.vat.example%2Fshop%2Fauth%2Fstaff.html&scope=openid%20profile%20email&identity_provider=Corporate&lang=en
// cognito:test
// https://auth.test.vat.example/oauth2/authorize?response_type=code&client_id=test&redirect_uri=https%3A%2F%2Fwww.vat.example%2Fshop%2Fauth%2Ftest.html&scope=openid%20profile%20email&identity_provider=Google&lang=en
// hmrc
// https://www.tax.service.gov.uk/oauth/authorize?response_type=code&client_id=hmrc-live&redirect_uri=https%3A%2F%2Fwww.vat.example%2Fshop%2Fauth%2Fhmrc.html&scope=write%3Avat
// hmrc:sandbox
// https://test-www.tax.service.gov.uk/oauth/authorize?response_type=code&client_id=hmrc-test&redirect_uri=https%3A%2F%2Fwww.vat.example%2Fshop%2Fauth%2Fsandbox.html&scope=write%3Avat
