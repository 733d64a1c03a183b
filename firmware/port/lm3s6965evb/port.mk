# TI's (Luminary's) LM3S6965 evaluation board: a Cortex-M3 with 256 KiB of flash and 64 KiB of RAM. The image starts from the flash
# itself, without a boot loader: QEMU's flash of this chip cannot be written, so there is nothing to take an image with.
BUILDS += lm3s6965evb
SIZED += lm3s6965evb

PORT_lm3s6965evb := lm3s6965evb
SHARED_lm3s6965evb := cortex_m
PROFILE_lm3s6965evb := minimal
BOARD_lm3s6965evb := lm3s6965evb
PROGRAMS_lm3s6965evb := offload-image.elf
ELVES_lm3s6965evb := image
FLASH_LIMIT_lm3s6965evb := 262144
RAM_LIMIT_lm3s6965evb := 65536
CC_lm3s6965evb := $(CROSS)gcc
FLAGS_lm3s6965evb := -mcpu=cortex-m3 -mthumb -ffreestanding -fcallgraph-info=su -Iport/lm3s6965evb
LDFLAGS_lm3s6965evb := -mcpu=cortex-m3 -mthumb -nostartfiles --specs=nano.specs --specs=nosys.specs -Wl,--gc-sections -L port/cortex_m
NOT_IN_APP_lm3s6965evb := $(IMAGE_C)
ONLY_APP_lm3s6965evb := smp/no_image.c

$(B)/lm3s6965evb/offload-image.elf: $(call app_objects,lm3s6965evb) port/lm3s6965evb/image.ld port/cortex_m/sections.ld
	$(CC_lm3s6965evb) $(LDFLAGS_lm3s6965evb) -T port/lm3s6965evb/image.ld -Wl,-Map=$@.map -o $@ $(filter %.o,$^)
