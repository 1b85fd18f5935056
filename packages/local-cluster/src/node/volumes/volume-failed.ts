/** A volume of a pod cannot be set up as things stand; tried again. */
export class VolumeFailed extends Error {
  override readonly name = "VolumeFailed";

  constructor(volume: string, problem: string) {
    super(`MountVolume.SetUp failed for volume "${volume}" : ${problem}`);
  }
}
