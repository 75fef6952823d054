// What the kernels and the driver take from the C library, for a Swift that has no overlay of it.

float cosf(float);
float powf(float, float);
float sinf(float);
double log1p(double);
int putchar(int);
