#include "CMPI.h"

#ifdef PAIRWISE_MPI

#include <mpi.h>
#include <string.h>

_Static_assert(pairwise_mpi_message_size >= MPI_MAX_ERROR_STRING, "a description of a failure fits");

static MPI_Comm channels[pairwise_mpi_channels];

int pairwise_mpi_begin(struct pairwise_mpi_place *place) {
  int provided = 0;
  int code = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
  if (code) return code;
  if (provided < MPI_THREAD_FUNNELED) return MPI_ERR_OTHER;
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  for (int channel = 0; channel < pairwise_mpi_channels; channel++) {
    if ((code = MPI_Comm_dup(MPI_COMM_WORLD, &channels[channel]))) return code;
    if ((code = MPI_Comm_set_errhandler(channels[channel], MPI_ERRORS_RETURN))) return code;
  }
  MPI_Comm local;
  code = MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &local);
  if (code) return code;
  if ((code = MPI_Comm_rank(MPI_COMM_WORLD, &place->rank))) return code;
  if ((code = MPI_Comm_size(MPI_COMM_WORLD, &place->size))) return code;
  if ((code = MPI_Comm_rank(local, &place->local_rank))) return code;
  if ((code = MPI_Comm_size(local, &place->local_size))) return code;
  return MPI_Comm_free(&local);
}

int pairwise_mpi_end(void) { return MPI_Finalize(); }

void pairwise_mpi_abort(int status) { MPI_Abort(MPI_COMM_WORLD, status); }

void pairwise_mpi_describe(int code, char *message) {
  int length = 0;
  if (MPI_Error_string(code, message, &length)) strcpy(message, "an unknown error");
}

void pairwise_mpi_library(char *name) {
  char text[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  MPI_Get_library_version(text, &length);
  // Up to what else it says of itself.
  text[strcspn(text, ",\n")] = 0;
  strncpy(name, text, pairwise_mpi_message_size - 1);
  name[pairwise_mpi_message_size - 1] = 0;
}

size_t pairwise_mpi_request_size(void) { return sizeof(MPI_Request); }

int pairwise_mpi_send(const void *bytes, int count, int peer, int channel, void *request) {
  return MPI_Isend(bytes, count, MPI_BYTE, peer, 0, channels[channel], request);
}

int pairwise_mpi_receive(void *bytes, int count, int peer, int channel, void *request) {
  return MPI_Irecv(bytes, count, MPI_BYTE, peer, 0, channels[channel], request);
}

int pairwise_mpi_all_gather(void *bytes, const int *counts, const int *offsets, int channel, void *request) {
  return MPI_Iallgatherv(
      MPI_IN_PLACE, 0, MPI_BYTE, bytes, counts, offsets, MPI_BYTE, channels[channel], request);
}

int pairwise_mpi_test(int count, void *requests, int *is_done) {
  return MPI_Testall(count, requests, is_done, MPI_STATUSES_IGNORE);
}

#endif
