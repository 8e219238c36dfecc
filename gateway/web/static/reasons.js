// What checks found, in Chinese and English: used by pages, and put into verify.html of every pack.
// A reason in Chinese and in English, one a line.
export const w = (zh, en) => `${zh}\n${en}`;
export const CHINESE = {
  "entry {}": "日志第 {1} 条", checkpoint: "检查点", witnesses: "见证人",
  "base64 in another form than its own": "base64 的写法不规范",
  "JSON with {} twice": "JSON 中 {1} 出现两次", "JSON with a fraction": "JSON 中出现小数",
  "leaf is not in the tree": "叶子不在树内", "path is too long": "路径过长", "path is too short": "路径过短",
  "CBOR is cut short": "CBOR 被截断", "CBOR is nested too deep": "CBOR 嵌套过深",
  "CBOR of a form that is not used here": "CBOR 的形式在此不使用", "CBOR is not shortest": "CBOR 不是最短写法",
  "CBOR is too large": "CBOR 过大", "CBOR map with a key twice": "CBOR 映射中同一键出现两次",
  "bytes after the CBOR": "CBOR 之后还有字节", "no COSE_Sign1": "不是 COSE_Sign1 签名结构",
  "no signed note": "不是签名的检查点", "checkpoint without a size": "检查点没有条目数",
  "a signed note with a line that is no signature": "检查点中有一行不是签名",
  "no usable checkpoint key": "没有可用的检查点密钥", "the log's signature does not verify": "日志的签名不成立",
  "not signed by the log's key": "不是日志密钥所签", "the checkpoint of another log": "是另一日志的检查点",
  "unsupported algorithm": "不支持的算法", "signed under another key": "用另一密钥签名",
  "signature of another length": "签名长度不符", "signature not low-S": "签名不是低 S 值（可被复制成第二份）",
  "signature does not verify": "签名不成立",
  "missing: nothing says what belongs to the pack": "缺失：无从得知证据包应有哪些文件",
  "the manifest is not UTF-8": "清单不是 UTF-8 文本", "its last line does not end": "最后一行没有结束",
  "not a SHA-256 and a safe name of this manifest, in their order: {}":
    "不是本清单应有的 SHA-256 与安全文件名，或次序不对：{1}",
  "in no manifest: it was put in later": "任何清单中都没有：是后来放入的",
  "differs from another file in case only": "与另一文件仅大小写不同", "listed and not there": "清单中有，包内没有",
  "{}: judged by its tree of 1 MiB leaves (step 2), not by one SHA-256":
    "{1}：按 1 MiB 叶子树核验（第 2 步），未另算整体 SHA-256",
  "has SHA-256 {}, listed is {}": "SHA-256 为 {1}，清单所列为 {2}",
  "does not declare BagIt 1.0 in UTF-8": "没有声明为 UTF-8 的 BagIt 1.0",
  "says {} where {} are": "所述为 {1}，实际为 {2}", "no file of a pack: nothing verifies it": "不属于证据包：没有任何核验涉及它",
  "missing, or not the key that counts": "缺失，或不是起作用的那个密钥",
  "a key that nothing here was signed with": "本包没有任何内容用此密钥签名",
  "names another {} than the file given": "其中的 {1} 与所给信任文件不同",
  "not what the trail has at this place": "与存证链中此处的内容不同",
  "the record is not the one that was signed": "记录不是当时签名的那一份", "record not understood": "无法理解的记录",
  "statement: {}": "签名声明：{1}", "names another key id than its key has": "所述密钥标识与密钥不符",
  "nobody proves to hold the new key": "没有人证明持有新密钥",
  "it gives up another key than the one that signs there": "所弃用的不是当时签名的密钥",
  "it is or was somebody's key: a key is one dock's, for ever": "该密钥已属于他人：一个密钥只属于一台采集站",
  "the log was opened under another {}": "日志启用时的 {1} 与此不同", "enrolled again under another key": "以另一密钥再次登记",
  "enrolled with a key that is somebody else's": "以他人的密钥登记", "{} is not enrolled here": "{1} 未在此登记",
  "after the last trusted entry of {}": "在 {1} 最后一条可信记录之后",
  "a rotation before it was not confirmed by then": "此前的密钥更换当时尚未得到确认",
  "a rotation that does not count: {}": "不起作用的密钥更换：{1}",
  "the gateway's word alone changes no key": "仅凭平台一方之言不能更换密钥",
  "an act on {} under {}": "关于 {1} 的行为记在 {2} 之下", "gap before act {} of the gateway": "平台第 {1} 项行为之前有缺口",
  "without a place in its issuer's chain": "在签发者的存证链中没有位置", "its opening is missing": "缺少开始记录",
  "gap before {} in the ledger of {}": "{2} 的存证链在第 {1} 条之前有缺口", "the docking is not closed": "采集批次没有结束",
  "its path leads to another root": "其路径通向另一个根", "missing": "缺失", "more in it than one path": "其中不止一条路径",
  "a receipt for another place or checkpoint": "是另一位置或另一检查点的回执",
  "not a receipt of {}: {}": "不是 {1} 的回执：{2}", "not the proof of this entry": "不是此条目的证明",
  "the trust file pins a later checkpoint": "信任文件所定的检查点晚于本包",
  "another root than the pinned one": "与信任文件所定的根不同",
  "nothing proves that it continues the pinned one": "没有证明它延续信任文件所定的检查点",
  "it does not continue the pinned one": "它不延续信任文件所定的检查点",
  "the policy's last line does not end; is it whole?": "见证策略最后一行没有结束，是否完整？",
  "a key stands twice in it": "见证策略中同一密钥出现两次", "a group of the policy needs no such number": "见证策略中的组数不成立",
  "not understood in the policy: {}": "见证策略中无法理解：{1}", "the policy names no quorum": "见证策略没有写明法定数",
  "the policy has no usable key for {}": "见证策略中 {1} 没有可用的密钥",
  "a line in the name of {}, which did not sign it": "有一行以 {1} 的名义，但并非其所签",
  "another root than the pack's": "与本包的根不同", "nothing ties it to the pack: {} is missing": "无从与本包相连：缺少 {1}",
  "{}: its last line does not end": "{1}：最后一行没有结束", "not proved to be of the pack's history": "没有证明属于本包的日志",
  "no name of a checkpoint that somebody saw": "不是见证检查点应有的文件名",
  "a checkpoint without its stamp, or a stamp without it": "检查点缺时间戳，或时间戳缺检查点",
  "of another size than its name": "条目数与文件名不符", "{}: no Ed25519 here": "{1}：此浏览器不支持 Ed25519",
  "leads to no checkpoint of the pack": "不通向本包的任何检查点", "signed by no log of the policy": "不是见证策略中的日志所签",
  "entries {} to {} are under no checkpoint that enough witnesses cosigned":
    "第 {1} 至 {2} 条不在足够见证人签署的检查点之内",
  "too few witnesses of the policy cosigned": "见证策略中签署的见证人不足",
  "names a checkpoint of {}, not there yet": "所称有 {1} 条的检查点当时尚不存在",
  "its issuer knew another log of size {}": "其签发者所知的 {1} 条日志与此不同",
  "nothing leads from {} to here": "没有从 {1} 条到此的路径", "another log of size {} than this one": "{1} 条时是另一份日志",
  "its close names another entry before it": "结束记录所称的前一条与此不同",
  "its close says {} files on {} pages; here are {} on {}": "结束记录称 {2} 页共 {1} 个文件，这里是 {4} 页 {3} 个",
  "its close says {} sealed; here are {}": "结束记录称封存 {1} 个，这里是 {2} 个",
  "{} listed and not accounted for, such as {}": "清单中有 {1} 个没有交代，例如 {2}",
  "sealed outside its docking": "封存不在其采集批次之内", "its record is withheld": "其记录被略去",
  "the trail of a clip, not of a case": "是一段录像的存证链，不是案件的", "the trail is about another clip": "存证链说的是另一段录像",
  "several cases were opened under it": "此编号下建立过多个案件", "no statement in it opens this case": "其中没有建立此案件的记录",
  "another case than was opened under it": "与此编号下建立的案件不同", "linked, left out": "已关联，却被略去",
  "{} acts before it was merged, {} here": "并案前有 {1} 项操作，这里有 {2} 项",
  "{} acts after it was merged": "并案后另有 {1} 项操作",
  "not linked to the case": "未与案件关联", "data/originals.json has another {} than was sealed":
    "data/originals.json 中的 {1} 与封存时不同",
  "its bytes are not in the pack": "其原始文件不在包内", "not in the pack, which says: {}": "不在包内，包中称：{1}",
  "another clip's file is named for it": "所指的是另一段录像的文件",
  "its leaf list is not that of its bytes, which are intact": "叶子表与其内容不符；内容本身完整",
  "{}: not the bytes that were sealed ({} bytes, sealed {})": "{1}：不是封存时的内容（现 {2} 字节，封存时 {3} 字节）",
  "{}: leaf {} differs: bytes {} to {}": "{1}：第 {2} 片叶子不同，即第 {3} 至 {4} 字节",
  "disposed of once more at entry {}": "在第 {1} 条再次处置",
  "something else than was sealed is disposed of at entry {}": "第 {1} 条处置的内容与封存的不同",
  "disposed of at entry {}, before it was stored": "第 {1} 条处置早于入库",
  "brought back at entry {}, after it was disposed of": "处置之后在第 {1} 条又入库",
  "disposed of at entry {}, though nobody had proposed it": "第 {1} 条处置，但无人提请",
  "disposed of at entry {}, though nobody had approved it": "第 {1} 条处置，但无人批准",
  "disposed of at entry {}, on the approval of another proposal": "第 {1} 条处置依据的是对另一提请的批准",
  "disposed of at entry {} by one person alone": "第 {1} 条处置由一人独自决定",
  "disposed of at entry {}, though it had been refused": "第 {1} 条处置，但已不予批准",
  "disposed of at entry {} under the hold of entry {}": "第 {1} 条处置时仍在第 {2} 条的冻结之中",
  "not stored yet": "尚未入库", "stored as something else than was sealed": "入库的内容与封存的不同",
  "repaired to something else, or too early, at entry {}": "第 {1} 条的修复结果与封存的不同，或早于入库",
  "to be erased on a release at {}, which is none": "准备清除所依据的第 {1} 条放行并不存在",
  "erased without a word about the release that allowed it": "已清除，却没有说明依据哪一放行",
  "erased, though the card had something else than was sealed": "已清除，但卡上内容与封存的不同",
  "nothing in the log says that it was handed out": "日志中没有导出的记录",
  "the export is described otherwise than in the log": "导出的说明与日志不同",
  "names other entries, clips or another time": "所述条目、录像或时间与日志不同",
  "with a further member, {}": "多出一项 {1}", "of another version": "是另一版本", "an entry without a position": "有条目没有位置",
  "with a way of its own": "另带一条路径", "names a clip twice": "同一录像出现两次", "its ways do not ascend": "其路径没有按次序排列",
  "its ways hold something else than hashes": "其路径中有不是哈希的内容", "leads to another checkpoint": "通向另一检查点",
  "says why bytes are missing that are here": "为在包内的内容说明缺失原因",
  "says other than what this pack is, or more": "与本包不符，或另有内容", "{} is missing or too large": "{1} 缺失或过大",
  "not the checkpoint of the trail": "不是存证链中的检查点", "a trail of another version": "是另一版本的存证链",
  "out of the order of the log": "不按日志的次序", "its sealing is missing": "缺少封存记录",
  "stands twice in data/originals.json": "在 data/originals.json 中出现两次",
  "in data/originals.json and not in the trail": "在 data/originals.json 中，而不在存证链中",
  "belongs to no clip of the trail": "不属于存证链中的任何录像", "not a report of a pack: {}": "不是证据包的报告：{1}",
};
// The most literal first: "{}: {}" would take them all.
export const PATTERNS = Object.entries(CHINESE).map(([en, zh]) => [new RegExp("^" +
  en.replace(/[.*+?^$()|[\]\\]/g, "\\$&").replaceAll("{}", "([^]*)") + "$"), zh, en.replaceAll("{}", "")])
  .sort((one, other) => other[2].length - one[2].length);
export function inChinese(en, depth = 0) {
  for (const [pattern, zh] of depth > 2 ? [] : PATTERNS) {
    const found = pattern.exec(en);
    if (found) return zh.replace(/\{(\d)\}/g, (_, at) => inChinese(found[at], depth + 1) ?? found[at]);
  }
  return null;
}
// Chinese and English of a reason; a browser's own words have no Chinese.
export function inBoth(reason) {
  const [zh, en] = reason.split("\n");
  const [, first, second] = /^([^/]*[\u4e00-\u9fff][^/]*) \/ ([^]*)$/.exec(reason) || [];
  if (en) return [zh, en];
  return second ? [first, second] : [inChinese(reason) ?? "原因见英文", reason];
}
