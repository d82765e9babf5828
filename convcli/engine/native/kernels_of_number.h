/* All kernels at one level for one number type: a kernel is entered here and in `KERNELS` of operation.h. */
#include "vectors.h"

#include "epilogue.h"

#include "convolution.h"
#include "winograd.h"

#include "cells.h"

#include "grouped.h"

#include "image.h"

#include "pooling.h"

#include "join.h"

#include "undefine.h"
