# Arm's MPS2 with the AN385 image: a Cortex-M3 with 64 KiB of flash and 128 KiB of RAM for each of its two programs.
BUILDS += mps2
SIZED += mps2

PORT_mps2 := mps2
SHARED_mps2 := cortex_m
PROFILE_mps2 := small
BOARD_mps2 := mps2-an385
PROGRAMS_mps2 := offload-boot.elf offload.signed.bin
ELVES_mps2 := image boot
FLASH_LIMIT_mps2 := 65536
RAM_LIMIT_mps2 := 131072
# To be left, for what comes next: an eighth of the flash.
FLASH_SPARE_mps2 := 8192
RAM_SPARE_mps2 := 8192
SIGN_mps2 := --load-addr 0x40000
CC_mps2 := $(CROSS)gcc
# -fcallgraph-info: for stack_depth.py
FLAGS_mps2 := -mcpu=cortex-m3 -mthumb -ffreestanding -fcallgraph-info=su -Iport/mps2
# Less flash, and no instruction more a frame: data of one file side by side are reached from one address, a pipeline of three
# stages gains nothing from another order of instructions. The engine's loops over slots and offloads have no register left for
# what the other two would take out of them.
OPT_mps2 := -fno-data-sections -fno-schedule-insns2
RARE_mps2 := -fno-move-loop-invariants -fno-tree-forwprop
LDFLAGS_mps2 := -mcpu=cortex-m3 -mthumb -nostartfiles --specs=nano.specs --specs=nosys.specs -Wl,--gc-sections -Wl,--no-warn-rwx-segments \
		-L port/cortex_m
# The image borrows the boot loader's proof of images: boot/rom_services.h.
ONLY_BOOT_mps2 := boot/rom_services.c
NOT_IN_APP_mps2 := boot/image.c
ONLY_APP_mps2 := boot/rom_image.c
STACK_ROM_mps2 = --rom-elf $(B)/mps2/offload-boot.elf --rom $(call objects,mps2,boot/image.c) $(call crypto,mps2)

$(B)/mps2/offload-boot.elf: $(call boot_objects,mps2) $(call crypto,mps2) port/mps2/boot.ld port/cortex_m/sections.ld
	$(CC_mps2) $(LDFLAGS_mps2) -T port/mps2/boot.ld -Wl,-Map=$@.map -o $@ $(filter %.o,$^)
$(B)/mps2/offload-image.elf: $(call app_objects,mps2) port/mps2/app.ld port/cortex_m/sections.ld
	$(CC_mps2) $(LDFLAGS_mps2) -T port/mps2/app.ld -Wl,-Map=$@.map -o $@ $(filter %.o,$^)
$(B)/mps2/payload.bin: $(B)/mps2/offload-image.elf
	$(CROSS)objcopy -O binary $< $@

# What the smallest profile costs on the same chip: its image is linked and measured, the rig gets nothing of it.
BUILDS += mps2-minimal
SIZED += mps2-minimal
LIKE_mps2-minimal := mps2
PROFILE_mps2-minimal := minimal
PORT_mps2-minimal := mps2
SHARED_mps2-minimal := cortex_m
BOARD_mps2-minimal := mps2-an385
ELVES_mps2-minimal := image
FLASH_LIMIT_mps2-minimal := 49152
RAM_LIMIT_mps2-minimal := 65536
CC_mps2-minimal := $(CC_mps2)
FLAGS_mps2-minimal := $(FLAGS_mps2)
OPT_mps2-minimal := $(OPT_mps2)
RARE_mps2-minimal := $(RARE_mps2)
STACK_ROM_mps2-minimal = $(STACK_ROM_mps2)

$(B)/mps2-minimal/offload-image.elf: $(call app_objects,mps2-minimal) port/mps2/app.ld port/cortex_m/sections.ld
	$(CC_mps2) $(LDFLAGS_mps2) -T port/mps2/app.ld -Wl,-Map=$@.map -o $@ $(filter %.o,$^)
