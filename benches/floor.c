/* The least work that shows whether bundles contain a CA: read each file and look for some bytes
   of it. Built and run by benches/count. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int count, char **names) {
    int found = 0;
    for (int at = 2; at < count; at++) {
        struct stat about;
        int file = open(names[at], O_RDONLY);
        if (file < 0 || fstat(file, &about) != 0) return 1;
        char *bytes = malloc(about.st_size);
        ssize_t length = read(file, bytes, about.st_size);
        found += length > 0 && memmem(bytes, length, names[1], strlen(names[1])) != NULL;
        free(bytes);
        close(file);
    }
    return found == count - 2 ? 0 : 1;
}
