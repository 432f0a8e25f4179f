// Where pictures come from: the camera, a file, or an example.

/** Why the camera cannot be had here, or "". */
export function cameraProblem() {
  if (!self.isSecureContext)
    return "Browsers give the camera only to pages over HTTPS or on this machine itself. " +
      "Start the server with --tls-self-signed, or choose a file.";
  if (!navigator.mediaDevices?.getUserMedia) return "This browser has no camera for pages. Choose a file.";
  return "";
}

export class Source {
  /**
   * @param {HTMLVideoElement} video
   * @param {() => void} ended called when the camera is taken away.
   */
  constructor(video, ended) {
    this.video = video;
    this.ended = ended;
    this.picture = null;
  }

  /** Whether pictures keep coming. */
  get live() {
    return this.picture === this.video;
  }

  /** Take the camera that looks away from the user, where there are two. */
  async camera() {
    const wanted = { video: { facingMode: "environment", width: { ideal: 1280 } }, audio: false };
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia(wanted);
    } catch (error) {
      throw new Error(error.name === "NotAllowedError"
        ? "The camera was not allowed. Allow it for this page in the browser, or choose a file."
        : "There is no camera that this page can use. Choose a file.");
    }
    this.stop();
    // Only where the camera goes by itself: a track that is stopped here does not say so.
    for (const track of stream.getTracks()) track.addEventListener("ended", this.ended);
    this.video.srcObject = stream;
    await this.video.play();
    this.picture = this.video;
  }

  /** Take a picture file, or the address of one of ours. */
  async still(blob) {
    const picture = await createImageBitmap(blob).catch(() => {
      throw new Error("This browser cannot read that file as a picture.");
    });
    this.stop();
    this.picture = picture;
  }

  stop() {
    this.video.srcObject?.getTracks().forEach((track) => track.stop());
    this.video.srcObject = null;
    this.picture = null;
  }

  /** Draw the middle of the picture so that it fills a canvas. */
  draw(canvas) {
    const { picture } = this;
    const width = picture.videoWidth || picture.width;
    const height = picture.videoHeight || picture.height;
    const scale = Math.min(width / canvas.width, height / canvas.height);
    const [wide, high] = [canvas.width * scale, canvas.height * scale];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.imageSmoothingQuality = "high";
    context.drawImage(
      picture, (width - wide) / 2, (height - high) / 2, wide, high, 0, 0, canvas.width, canvas.height);
    return context;
  }
}
