#include "generator/command.h"

struct site_spec command_site(const struct opt_value *dir,
    const struct opt_value *env, const struct opt_value *set)
{
	return (struct site_spec){
	    .dir = dir->given ? dir->string : ".",
	    .env = env->string,
	    .sets = set->list,
	    .n_sets = set->n,
	};
}
