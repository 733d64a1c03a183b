# A process of this machine.
BUILDS += native

PORT_native := native
BOARD_native := native
PROGRAMS_native := offload-boot offload.signed.bin
CC_native := $(CC)
FLAGS_native := -fPIE -fstack-protector-strong -Iport/native
LDFLAGS_native := -pie -Wl,--gc-sections

$(B)/native/offload-boot: $(call boot_objects,native) $(call crypto,native)
	$(CC_native) $(LDFLAGS_native) -o $@ $^
$(B)/native/offload-image: $(call app_objects,native) $(call crypto,native)
	$(CC_native) $(LDFLAGS_native) -o $@ $^
$(B)/native/payload.bin: $(B)/native/offload-image
	strip -o $@ $<
