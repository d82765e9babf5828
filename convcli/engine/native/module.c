/* The Python module `_core`: the stable ABI of 3.11, and nothing but whole numbers as arguments. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "thread_pool.h"

static const level *const levels[] = {
    &level_baseline,
#if defined(__x86_64__)
    &level_avx2,
    &level_avx512,
#endif
};
#define LEVEL_COUNT ((int)(sizeof levels / sizeof *levels))

/* Return the level of that number, or null with an exception. */
static const level *find_level(int number) {
    if (number >= 0 && number < LEVEL_COUNT && levels[number]->is_supported()) return levels[number];
    PyErr_SetString(PyExc_ValueError, "not an instruction level of this machine");
    return 0;
}

/* Return a list of names. */
static PyObject *list_of(const char *const *names, int count) {
    PyObject *list = PyList_New(0);
    for (int number = 0; list && number < count; number++) {
        PyObject *name = PyUnicode_FromString(names[number]);
        if (!name || PyList_Append(list, name)) Py_CLEAR(list);
        Py_XDECREF(name);
    }
    return list;
}

PyDoc_STRVAR(supported_doc, "supported() -> names of the instruction levels of this machine; a level's index is its number");
static PyObject *supported(PyObject *module, PyObject *arguments) {
    (void)module, (void)arguments;
    const char *names[LEVEL_COUNT];
    int count = 0;
    for (; count < LEVEL_COUNT && levels[count]->is_supported(); count++) names[count] = levels[count]->name;
    return list_of(names, count);
}

PyDoc_STRVAR(block_doc, "block(level, is_double) -> how many filters a block of weights holds");
static PyObject *block(PyObject *module, PyObject *arguments) {
    (void)module;
    int number, is_double;
    if (!PyArg_ParseTuple(arguments, "ip", &number, &is_double)) return 0;
    const level *chosen = find_level(number);
    return chosen ? PyLong_FromLongLong(chosen->block[is_double]) : 0;
}

PyDoc_STRVAR(fields_doc, "fields() -> (name, NumPy type, count, offset) of each field of an operation, and the record's size");
static PyObject *fields(PyObject *module, PyObject *arguments) {
    (void)module, (void)arguments;
    PyObject *list = PyList_New(0);
#define FIELD_TUPLE(type, name, count, format)                                                             \
    if (list) {                                                                                            \
        PyObject *item = Py_BuildValue("(ssin)", #name, format, count, (Py_ssize_t)offsetof(operation, name)); \
        if (!item || PyList_Append(list, item)) Py_CLEAR(list);                                            \
        Py_XDECREF(item);                                                                                  \
    }
    OPERATION_FIELDS(FIELD_TUPLE)
    return list ? Py_BuildValue("(Nn)", list, (Py_ssize_t)sizeof(operation)) : 0;
}

#define NAME_STRING(name) #name,

PyDoc_STRVAR(kinds_doc, "kinds() -> names of the kernels; a kernel's index is its number in an operation");
static PyObject *kinds(PyObject *module, PyObject *arguments) {
    (void)module, (void)arguments;
    static const char *const names[] = {KERNELS(NAME_STRING)};
    return list_of(names, kind_count);
}

PyDoc_STRVAR(activations_doc, "activations() -> names of the activations; the index is the number in an operation");
static PyObject *activations(PyObject *module, PyObject *arguments) {
    (void)module, (void)arguments;
    static const char *const names[] = {ACTIVATIONS(NAME_STRING)};
    return list_of(names, activation_count);
}

/* Return an array of how many parts each operation has, to be freed; or null with an exception. */
static int64_t *count_parts(const level *level, const operation *operations, Py_ssize_t count) {
    int64_t *parts = PyMem_Malloc((size_t)(count ? count : 1) * sizeof *parts);
    if (!parts) return (void)PyErr_NoMemory(), (int64_t *)0;
    for (Py_ssize_t index = 0; index < count; index++) {
        const operation *operation = &operations[index];
        if (operation->kind < 0 || operation->kind >= kind_count) {
            PyErr_SetString(PyExc_ValueError, "no such kernel");
            PyMem_Free(parts);
            return 0;
        }
        parts[index] = level->kernels[operation->is_double != 0][operation->kind].parts(operation);
    }
    return parts;
}

PyDoc_STRVAR(scratch_doc,
             "scratch(level, operations, count) -> (bytes that each thread needs beside, the most parts of an operation)\n\n"
             "`operations` is an address.");
static PyObject *scratch(PyObject *module, PyObject *arguments) {
    (void)module;
    int number;
    unsigned long long address;
    Py_ssize_t count;
    if (!PyArg_ParseTuple(arguments, "iKn", &number, &address, &count)) return 0;
    const level *chosen = find_level(number);
    if (!chosen) return 0;
    const operation *operations = (const operation *)(uintptr_t)address;
    int64_t *parts = count_parts(chosen, operations, count); /* checks the kinds */
    if (!parts) return 0;
    size_t largest = 0;
    int64_t most = 0;
    for (Py_ssize_t index = 0; index < count; index++) {
        if (parts[index] > most) most = parts[index];
        const operation *operation = &operations[index];
        size_t bytes = chosen->kernels[operation->is_double != 0][operation->kind].scratch(operation);
        if (bytes > largest) largest = bytes;
    }
    PyMem_Free(parts);
    return Py_BuildValue("(nL)", (Py_ssize_t)((largest + 63) / 64 * 64), (long long)most);
}

/* What `tick` needs: the state of this thread while others may run Python code, and the function to report to. */
typedef struct {
    PyThreadState *state;
    PyObject *callback;
} python;

/* Let Python handle signals, and report progress. Return true where either has raised. */
static int look_at_python(void *argument, int64_t index, double share) {
    python *python = argument;
    PyEval_RestoreThread(python->state);
    int raised = PyErr_Occurred() != 0 || PyErr_CheckSignals() != 0;
    if (!raised && python->callback != Py_None) {
        PyObject *result = PyObject_CallFunction(python->callback, "Ld", (long long)index, share);
        raised = !result;
        Py_XDECREF(result);
    }
    python->state = PyEval_SaveThread();
    return raised;
}

PyDoc_STRVAR(run_doc,
             "run(level, operations, count, threads, scratch, scratch_size, finished, callback)\n\n"
             "Run operations in order. `operations`, `scratch` (threads * scratch_size bytes, on a cache line) and\n"
             "`finished` (nanoseconds from the start to each operation's end, or 0) are addresses. `callback` is None, or\n"
             "called some times a second with the index of the operation at work and the share of it that is begun.");
static PyObject *run(PyObject *module, PyObject *arguments) {
    (void)module;
    int number, threads;
    unsigned long long operations, scratch, finished;
    Py_ssize_t count, scratch_size;
    PyObject *callback;
    if (!PyArg_ParseTuple(arguments, "iKniKnKO", &number, &operations, &count, &threads, &scratch, &scratch_size,
                          &finished, &callback))
        return 0;
    const level *chosen = find_level(number);
    if (!chosen) return 0;
    int64_t *parts = count_parts(chosen, (const operation *)(uintptr_t)operations, count);
    if (!parts) return 0;
    python python = {0, callback};
    program program = {
        .level = chosen,
        .operations = (const operation *)(uintptr_t)operations,
        .count = count,
        .parts = parts,
        .threads = threads,
        .scratch = (char *)(uintptr_t)scratch,
        .scratch_size = (size_t)scratch_size,
        .finished = (int64_t *)(uintptr_t)finished,
        .tick = look_at_python,
        .tick_argument = &python,
    };
    python.state = PyEval_SaveThread();
    int cancelled = run_program(&program);
    PyEval_RestoreThread(python.state);
    PyMem_Free(parts);
    if (cancelled) return 0;
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"supported", supported, METH_NOARGS, supported_doc},
    {"block", block, METH_VARARGS, block_doc},
    {"fields", fields, METH_NOARGS, fields_doc},
    {"kinds", kinds, METH_NOARGS, kinds_doc},
    {"activations", activations, METH_NOARGS, activations_doc},
    {"scratch", scratch, METH_VARARGS, scratch_doc},
    {"run", run, METH_VARARGS, run_doc},
    {0, 0, 0, 0},
};

static PyModuleDef_Slot slots[] = {{0, 0}};

static PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_core",
    .m_doc = "The kernels in C: see README.md beside the sources.",
    .m_methods = functions,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__core(void) { return PyModuleDef_Init(&definition); }
