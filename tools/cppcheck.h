/* For cppcheck only, which does not read the libraries' headers: macros that are loops. */
#define json_array_foreach(array, i, value)                                                        \
    for (i = 0; i < json_array_size(array) && (value = json_array_get(array, i)); i++)
#define json_object_foreach(object, key, value)                                                    \
    for (key = json_object_iter_key(json_object_iter(object));                                     \
         key && (value = json_object_get(object, key)); key = json_next_key(object, key))
