/* Runs a fuzzer's target over files: the corpus under the sanitizers, with any compiler and without libFuzzer. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void __sanitizer_set_death_callback(void (*callback)(void)); /* of both compilers' run-time library */

static const char *current = "";

static void name_culprit(void)
{
	fprintf(stderr, "input: %s\n", current);
}

/* A check of the target itself failed; the sanitizers have their own way out. */
static void on_abort(int signal_number)
{
	(void)signal_number;
	name_culprit();
}

static void replay(const char *path)
{
	FILE *f = fopen(path, "rb");

	current = path;
	if (!f || fseek(f, 0, SEEK_END) != 0) {
		perror(path);
		exit(1);
	}
	size_t size = (size_t)ftell(f);
	uint8_t *data = malloc(size ? size : 1);

	rewind(f);
	if (!data || fread(data, 1, size, f) != size) {
		perror(path);
		exit(1);
	}
	fclose(f);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
}

int main(int argc, char **argv)
{
	__sanitizer_set_death_callback(name_culprit);
	signal(SIGABRT, on_abort);
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	printf("%s: %d inputs\n", argv[0], argc - 1);
	return argc > 1 ? 0 : 1;             /* an empty corpus proves nothing */
}
