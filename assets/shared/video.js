// The browser's camera, in a video element of a drawing: opened, photographed, closed.
const WANTED = { video: { facingMode: 'user', width: { ideal: 1280 }, height: { ideal: 960 } } };

export function cameraIn(video) {
  let closed = 0; // times
  const close = () => {
    closed += 1;
    for (const track of video.srcObject?.getTracks() ?? []) track.stop();
    video.srcObject = null;
  };

  // Whether it is open: it may have been closed before it was allowed. Rejects where there is none, or it is not.
  async function open() {
    close();
    const before = closed;
    const stream = await navigator.mediaDevices.getUserMedia(WANTED);
    if (closed !== before) {
      for (const track of stream.getTracks()) track.stop();
      return false;
    }
    video.srcObject = stream;
    await video.play();
    return true;
  }

  // What the camera sees now, as a file, not mirrored as the video is; null where it sees nothing yet.
  function snap() {
    const canvas = document.createElement('canvas');
    Object.assign(canvas, { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext('2d').drawImage(video, 0, 0);
    return new Promise((resolve) => {
      canvas.toBlob((blob) => resolve(blob && new File([blob], 'camera.jpg', { type: blob.type })), 'image/jpeg', 0.95);
    });
  }

  return { open, close, snap };
}
