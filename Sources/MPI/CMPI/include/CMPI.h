// What Pairwise asks of MPI. Its handles and constants are macros, and differ between implementations: hence C.
#pragma once

#include <stddef.h>

/// Longest description of a failure, its closing zero included.
enum { pairwise_mpi_message_size = 512 };

/// Messages of one channel keep their order, whatever goes through the others.
enum { pairwise_mpi_channels = 3 };

/// What a process is among all that were started with it.
struct pairwise_mpi_place {
  int rank;
  int size;
  /// The same among those on its machine.
  int local_rank;
  int local_size;
};

/// Starts MPI for calls from one thread, the one that calls this. All functions return 0, or a code for
/// `pairwise_mpi_describe`.
int pairwise_mpi_begin(struct pairwise_mpi_place *place);

/// Ends MPI; every process has to.
int pairwise_mpi_end(void);

/// Ends every process at once, this one with `status`.
void pairwise_mpi_abort(int status);

/// What a code means, and the name of the library.
void pairwise_mpi_describe(int code, char *message);
void pairwise_mpi_library(char *name);

/// Bytes of a request.
size_t pairwise_mpi_request_size(void);

/// Begin something that `pairwise_mpi_test` sees the end of; `request` points to memory for it.
int pairwise_mpi_send(const void *bytes, int count, int peer, int channel, void *request);
int pairwise_mpi_receive(void *bytes, int count, int peer, int channel, void *request);
/// Every rank's bytes `offsets[rank]..<offsets[rank] + counts[rank]` of `bytes` come to all.
int pairwise_mpi_all_gather(void *bytes, const int *counts, const int *offsets, int channel, void *request);

/// Sets `is_done` to whether all requests have come to an end.
int pairwise_mpi_test(int count, void *requests, int *is_done);
