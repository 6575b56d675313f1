#include "generator/secrets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void named(void **state)
{
	static const char *const yes[] = {"secret", "client_secret",
	    "secret_arn", "db_password", "private_key", "token", "api_token"};
	static const char *const no[] = {"", "client_id", "token_endpoint",
	    "public_key", "tokens_per_minute", "pass"};
	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		assert_true(secret_named(str_of(yes[i])));
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		assert_false(secret_named(str_of(no[i])));
}

static void shaped(void **state)
{
	static const char *const yes[] = {"sk_live_x", "x whsec_abc",
	    "arn:aws:secretsmanager:eu-west-2:1:secret:x",
	    "-----BEGIN RSA PRIVATE KEY-----"};
	static const char *const no[] = {
	    "", "sk_test_x", "whsec", "arn:aws:s3:::bucket", "-----begin "};
	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		assert_true(secret_shaped(str_of(yes[i])));
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		assert_false(secret_shaped(str_of(no[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(named),
	    cmocka_unit_test(shaped),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("secrets", tests, NULL, NULL);
}
