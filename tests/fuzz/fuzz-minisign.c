#include <string.h>

#include "generator/minisign.h"
#include "generator/sign.h"
#include "tests/fuzz/fuzz.h"

/*
 * Keys and signatures come from anywhere. What is read is whole, what is not
 * has one finding, and no input is a signature of our key's.
 */
const char *const fuzz_words[] = {"untrusted comment: ", "trusted comment: ",
    "\n", "\r\n", "RWQ", "RUTBEnaZXFhwx",
    "RWTBEnaZXFhwxyjAARXNJ/wwY/"
    "H3IB8ixSG/iKmGBX73J6LQYs4lw0UB",
    "==", "release:1 expires:2 file:m", ":", "-1", "999999999999999999999",
    NULL};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = {(const char *)data, n};
	struct minisign_public public, ours;
	struct minisign_secret secret, mine;
	struct minisign_signature signature;
	struct sign_claim claim;
	struct arena a;
	struct diag diag;

	arena_init(&a);
	diag_init(&diag, &a);
	size_t before = diag.errors;
	enum err err =
	    minisign_read_public(text, "key", POS_NONE, &diag, &public);
	fuzz_must((err == ERR_OK) == (diag.errors == before));
	if (err == ERR_OK) {
		struct minisign_public again;
		fuzz_must(
		    minisign_read_public(minisign_write_public(&a, &public),
			"key", POS_NONE, &diag, &again) == ERR_OK);
		fuzz_must(memcmp(&again, &public, sizeof(again)) == 0);
	}
	before = diag.errors;
	err = minisign_read_secret(text, "key", POS_NONE, &diag, &secret);
	fuzz_must((err == ERR_OK) == (diag.errors == before));
	if (err == ERR_OK) {
		minisign_public_of(&secret, &public);
		minisign_forget(&secret);
	}
	before = diag.errors;
	err = minisign_read_signature(
	    text, "signature", POS_NONE, &diag, &signature);
	fuzz_must((err == ERR_OK) == (diag.errors == before));
	if (err == ERR_OK) {
		minisign_new(&mine, &ours);
		memcpy(ours.id, signature.id, sizeof(ours.id));
		fuzz_must(!minisign_verify(&ours, &signature, text));
		if (sign_read_claim(signature.trusted, &claim))
			fuzz_must(claim.release >= 0 &&
				  claim.expires <= SIGN_SECOND_MAX);
		minisign_forget(&mine);
	}
	if (sign_read_claim(text, &claim))
		fuzz_must(
		    claim.release >= 0 && claim.release <= SIGN_SECOND_MAX);
	arena_release(&a);
	return 0;
}
