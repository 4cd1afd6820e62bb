#include <stdio.h>

int main(void)
{
    puts("heng");
    return 0;
}
