# A process of this machine.
BUILDS += native

PORT_native := native
PROFILE_native := full
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

# The smallest profile, in the same boot loader.
BUILDS += native-minimal
LIKE_native-minimal := native
PROFILE_native-minimal := minimal
PORT_native-minimal := native
BOARD_native-minimal := native
PROGRAMS_native-minimal := $(PROGRAMS_native)
CC_native-minimal := $(CC_native)
FLAGS_native-minimal := $(FLAGS_native)

$(B)/native-minimal/offload-boot: $(B)/native/offload-boot
	@mkdir -p $(@D)
	cp $< $@
$(B)/native-minimal/offload-image: $(call app_objects,native-minimal) $(call crypto,native)
	$(CC_native) $(LDFLAGS_native) -o $@ $^
$(B)/native-minimal/payload.bin: $(B)/native-minimal/offload-image
	strip -o $@ $<
