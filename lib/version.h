#ifndef LOWTIDE_LIB_VERSION_H
#define LOWTIDE_LIB_VERSION_H

/* What every program says to --version. */
#define LOWTIDE_VERSION "0.1.0"

#endif
