/* SPDX-License-Identifier: ISC */
/*
 * A plain main() for fuzz targets: gives a target every file of the folders
 * named, then the file's beginnings and the file with single bytes changed.
 * The same inputs each time; libFuzzer is for finding new ones.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_CAP (1u << 20)
#define VARIANTS 64u /* of each kind, of each file */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* From the heap and no longer than it is, so that ASan sees an overread. */
static void give(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);

	if (copy == NULL)
		abort();
	memcpy(copy, data, size);
	(void)LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static size_t give_variants(uint8_t *data, size_t size)
{
	static const uint8_t changes[] = {0x01, 0x80, 0xff};
	size_t step = size / VARIANTS + 1;
	size_t given = 1;

	give(data, size);
	for (size_t i = 0; i < size; i += step) {
		uint8_t saved = data[i];

		give(data, i);
		data[i] = saved ^ changes[i / step % sizeof(changes)];
		give(data, size);
		data[i] = saved;
		given += 2;
	}
	return given;
}

static size_t replay_file(const char *path)
{
	uint8_t *data = malloc(FILE_CAP);
	FILE *file = fopen(path, "rb");
	size_t given;

	if (data == NULL || file == NULL) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	given = give_variants(data, fread(data, 1, FILE_CAP, file));
	fclose(file);
	free(data);
	return given;
}

static size_t replay_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	size_t given = 0;

	if (dir == NULL) {
		fprintf(stderr, "%s: %s\n", folder, strerror(errno));
		exit(1);
	}
	while ((entry = readdir(dir)) != NULL) {
		char path[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		given += replay_file(path);
	}
	closedir(dir);
	return given;
}

int main(int argc, char **argv)
{
	size_t given = 0;

	for (int i = 1; i < argc; i++)
		given += replay_folder(argv[i]);
	printf("%zu inputs\n", given);
	return given > 0 ? 0 : 1;
}
