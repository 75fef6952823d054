#if ImageCodecs
  import CImageCodecs

  extension ImageDecoder {
    /// Baseline and progressive JPEG: gray, YCbCr, RGB, CMYK and YCCK.
    func jpeg() throws -> RGBImage {
      let (header, pixels) = try decode(pairwise_read_jpeg)
      let image = header.channels == 4 ? colors(ofInvertedCMYK: pixels) : pixels
      return RGBImage(width: Int(header.width), height: Int(header.height), pixels: image)
    }

    /// PNG of every colour type, depth and interlacing.
    func png() throws -> RGBImage {
      let (header, pixels) = try decode(pairwise_read_png)
      let image = header.channels == 4 ? colors(ofRGBA: pixels) : pixels
      return RGBImage(width: Int(header.width), height: Int(header.height), pixels: image)
    }

    private typealias Read = (
      UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<pairwise_image>?, UnsafeMutablePointer<UInt8>?,
      UnsafeMutablePointer<CChar>?
    ) -> Int32

    /// Reads the header, then, if its size is allowed, the pixels.
    private func decode(_ read: Read) throws -> (pairwise_image, [UInt8]) {
      var header = pairwise_image()
      var message = [CChar](repeating: 0, count: pairwise_message_size)
      func problem() -> FileError {
        damaged(String(decoding: message.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
      }
      guard read(bytes, bytes.count, &header, nil, &message) == 1 else { throw problem() }
      let size = try pixelCount(width: Int(header.width), height: Int(header.height)) * Int(header.channels)
      let pixels = try [UInt8](unsafeUninitializedCapacity: size) { out, count in
        guard read(bytes, bytes.count, &header, out.baseAddress, &message) == 1 else { throw problem() }
        count = size
      }
      return (header, pixels)
    }

    /// Pillow's conversion; Adobe's programs store 255 - ink.
    private func colors(ofInvertedCMYK pixels: [UInt8]) -> [UInt8] {
      converted(pixels) { cyan, magenta, yellow, light in
        // Light is 255 - black; a rest of 255 - ink stays of it.
        func rest(_ stored: Int) -> UInt8 { UInt8(clamping: light - dividedBy255((255 - stored) * light)) }
        return (rest(cyan), rest(magenta), rest(yellow))
      }
    }

    private func colors(ofRGBA pixels: [UInt8]) -> [UInt8] {
      switch options.transparency {
      case .dropped:
        return converted(pixels) { red, green, blue, _ in (UInt8(red), UInt8(green), UInt8(blue)) }
      case .over(let back):
        return converted(pixels) { red, green, blue, alpha in
          func mix(_ value: Int, _ back: UInt8) -> UInt8 {
            UInt8(dividedBy255(value * alpha + Int(back) * (255 - alpha)))
          }
          return (mix(red, back.red), mix(green, back.green), mix(blue, back.blue))
        }
      }
    }

    /// Rounded to the nearest; exact for products of two bytes.
    private func dividedBy255(_ value: Int) -> Int { (value + 127) / 255 }

    private func converted(
      _ pixels: [UInt8], _ convert: (Int, Int, Int, Int) -> (UInt8, UInt8, UInt8)
    ) -> [UInt8] {
      let size = pixels.count / 4
      return [UInt8](unsafeUninitializedCapacity: size * 3) { out, count in
        for i in 0..<size {
          let at = i * 4
          (out[i * 3], out[i * 3 + 1], out[i * 3 + 2]) = convert(
            Int(pixels[at]), Int(pixels[at + 1]), Int(pixels[at + 2]), Int(pixels[at + 3]))
        }
        count = size * 3
      }
    }
  }
#endif
