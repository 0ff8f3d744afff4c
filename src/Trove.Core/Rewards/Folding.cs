using System.Globalization;
using System.Text;

namespace Trove.Core.Rewards;

/// <summary>
/// How novelty and queries compare words: lower case, without diacritics and compatibility forms, so that neither a precomposed
/// nor a full-width letter makes an old text new. The table is ours because .NET normalises Unicode through whatever
/// ICU the machine has, or not at all, and verifiers must get the same bits everywhere. It is the letters and digits
/// of the Basic Multilingual Plane whose NFKD form (Unicode 14) without nonspacing marks is another text; Hangul,
/// presentation forms and compatibility ideographs compare as they are.
/// </summary>
public static class Folding
{
    private static readonly Dictionary<char, string> Folded = ReadTable();

    /// <summary>The folded form of one word.</summary>
    public static string Fold(ReadOnlySpan<char> word)
    {
        var folded = new StringBuilder(word.Length);
        foreach (char c in word)
        {
            char lower = char.ToLowerInvariant(c);
            if (Folded.TryGetValue(lower, out var simpler))
                folded.Append(simpler);
            else if (CharUnicodeInfo.GetUnicodeCategory(lower) != UnicodeCategory.NonSpacingMark)
                folded.Append(lower is '\u2019' ? '\'' : lower);
        }
        return folded.ToString();
    }

    private static Dictionary<char, string> ReadTable()
    {
        var table = new Dictionary<char, string>();
        foreach (var entry in Table.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = entry.IndexOf('=');
            foreach (char c in entry.AsSpan(equals + 1))
                table[c] = entry[..equals];
        }
        return table;
    }

    // simpler=letters that fold to it
    private const string Table = """
        0=⁰₀⓪０ 1=¹₁①１ 10=⑩ 11=⑪ 12=⑫ 13=⑬ 14=⑭ 15=⑮ 16=⑯ 17=⑰ 18=⑱ 19=⑲ 2=²₂②２ 20=⑳ 21=㉑ 22=㉒ 23=㉓ 24=㉔ 25=㉕
        26=㉖ 27=㉗ 28=㉘ 29=㉙ 3=³₃③３ 30=㉚ 31=㉛ 32=㉜ 33=㉝ 34=㉞ 35=㉟ 36=㊱ 37=㊲ 38=㊳ 39=㊴ 4=⁴₄④４ 40=㊵ 41=㊶ 42=㊷
        43=㊸ 44=㊹ 45=㊺ 46=㊻ 47=㊼ 48=㊽ 49=㊾ 5=⁵₅⑤５ 50=㊿ 6=⁶₆⑥６ 7=⁷₇⑦７ 8=⁸₈⑧８ 9=⁹₉⑨９
        a=ªàáâãäåāăąǎǟǡǻȁȃȧᴬᵃḁạảấầẩẫậắằẳẵặₐａ aʾ=ẚ b=ᴮᵇḃḅḇℬｂ c=çćĉċčᶜḉℂℭⅽꟲｃ d=ďᴰᵈḋḍḏḑḓⅅⅆⅾｄ dz=ǆǳ
        e=èéêëēĕėęěȅȇȩᴱᵉḕḗḙḛḝẹẻẽếềểễệₑℯℰⅇｅ f=ᶠḟℱꟳｆ ff=ﬀ ffi=ﬃ ffl=ﬄ fi=ﬁ fl=ﬂ g=ĝğġģǧǵᴳᵍḡℊｇ
        h=ĥȟʰᴴḣḥḧḩḫẖₕℋℌℍℎｈ i=ìíîïĩīĭįǐȉȋᴵᵢḭḯỉịⁱℐℑℹⅈⅰｉ ii=ⅱ iii=ⅲ ij=ĳ iv=ⅳ ix=ⅸ j=ĵǰʲᴶⅉⱼｊ k=ķǩᴷᵏḱḳḵₖｋ
        l=ĺļľˡᴸḷḹḻḽₗℒℓⅼｌ lj=ǉ m=ᴹᵐḿṁṃₘℳⅿｍ n=ñńņňǹᴺṅṇṉṋⁿₙℕｎ nj=ǌ o=ºòóôõöōŏőơǒǫǭȍȏȫȭȯȱᴼᵒṍṏṑṓọỏốồổỗộớờởỡợₒℴｏ
        p=ᴾᵖṕṗₚℙｐ q=ℚꟴｑ r=ŕŗřȑȓʳᴿᵣṙṛṝṟℛℜℝｒ s=śŝşšſșˢṡṣṥṧṩẛₛｓ st=ﬅﬆ t=ţťțᵀᵗṫṭṯṱẗₜｔ
        u=ùúûüũūŭůűųưǔǖǘǚǜȕȗᵁᵘᵤṳṵṷṹṻụủứừửữựｕ v=ᵛᵥṽṿⅴⱽｖ vi=ⅵ vii=ⅶ viii=ⅷ w=ŵʷᵂẁẃẅẇẉẘｗ x=ˣẋẍₓⅹｘ xi=ⅺ xii=ⅻ
        y=ýÿŷȳʸẏẙỳỵỷỹｙ z=źżžᶻẑẓẕℤℨｚ æ=ǣǽᴭ ð=ᶞ ø=ǿ ħ=ℏꟸ ŋ=ᵑ œ=ꟹ ƫ=ᶵ ǝ=ᴲ ȣ=ᴽ ɐ=ᵄ ɑ=ᵅ ɒ=ᶛ ɔ=ᵓ ɕ=ᶝ ə=ᵊₔ ɛ=ᵋℇ
        ɜ=ᵌᶟ ɟ=ᶡ ɡ=ᶢ ɣ=ˠ ɥ=ᶣ ɦ=ʱ ɨ=ᶤ ɩ=ᶥ ɪ=ᶦ ɫ=ꭞ ɭ=ᶩ ɯ=ᵚ ɰ=ᶭ ɱ=ᶬ ɲ=ᶮ ɳ=ᶯ ɴ=ᶰ ɵ=ᶱ ɸ=ᶲ ɹ=ʴ ɻ=ʵ ʁ=ʶ ʂ=ᶳ ʃ=ᶴ ʉ=ᶶ
        ʊ=ᶷ ʋ=ᶹ ʌ=ᶺ ʍ=ꭩ ʐ=ᶼ ʑ=ᶽ ʒ=ǯᶾ ʕ=ˤ ʝ=ᶨ ʟ=ᶫ ʹ=ʹ ʼn=ŉ α=άἀἁἂἃἄἅἆἇὰάᾀᾁᾂᾃᾄᾅᾆᾇᾰᾱᾲᾳᾴᾶᾷ β=ϐᵝᵦ γ=ᵞᵧℽℾ δ=ᵟ
        ε=έϵἐἑἒἓἔἕὲέ η=ήἠἡἢἣἤἥἦἧὴήᾐᾑᾒᾓᾔᾕᾖᾗῂῃῄῆῇ θ=ϑᶿ ι=ΐίϊἰἱἲἳἴἵἶἷὶίιῐῑῒΐῖῗ κ=ϰ μ=µ ο=όὀὁὂὃὄὅὸό π=ϖℼℿ ρ=ϱᵨῤῥ
        ς=ϲ υ=ΰϋύϒϓϔὐὑὒὓὔὕὖὗὺύῠῡῢΰῦῧ φ=ϕᵠᵩ χ=ᵡᵪ ω=ώὠὡὢὣὤὥὦὧὼώᾠᾡᾢᾣᾤᾥᾦᾧῲῳῴῶῷ а=ӑӓ г=ѓ е=ѐёӗ ж=ӂӝ з=ӟ и=йѝӣӥ
        к=ќ н=ᵸ о=ӧ у=ўӯӱӳ ч=ӵ ъ=ꚜ ы=ӹ ь=ꚝ э=ӭ і=ї ѵ=ѷ ә=ӛ ө=ӫ եւ=և մե=ﬔ մի=ﬕ մխ=ﬗ մն=ﬓ վն=ﬖ א=ℵﬡאַאָאּ אל=ﭏ
        ב=ℶבּבֿ ג=ℷגּ ד=ℸﬢדּ ה=ﬣהּ ו=וּוֹ ז=זּ ט=טּ י=יִיּ ך=ךּ כ=ﬤכּכֿ ל=ﬥלּ ם=ﬦ מ=מּ נ=נּ ס=סּ ע=ﬠ ף=ףּ פ=פּפֿ צ=צּ ק=קּ ר=ﬧרּ
        ש=שׁשׂשּׁשּׂשּ ת=ﬨתּ ײ=ײַ ا=آأإ اٴ=ٵ و=ؤ وٴ=ٶ ي=ئ يٴ=ٸ ہ=ۂ ۇٴ=ٷ ے=ۓ ە=ۀ क=क़ ख=ख़ ग=ग़ ज=ज़ ड=ड़ ढ=ढ़ न=ऩ फ=फ़ य=य़
        र=ऱ ळ=ऴ ড=ড় ঢ=ঢ় য=য় ਖ=ਖ਼ ਗ=ਗ਼ ਜ=ਜ਼ ਫ=ਫ਼ ਲ=ਲ਼ ਸ=ਸ਼ ଡ=ଡ଼ ଢ=ଢ଼ า=ำ ຫນ=ໜ ຫມ=ໝ າ=ຳ ཀ=ཀྵ ག=གྷ ཌ=ཌྷ ད=དྷ བ=བྷ ཛ=ཛྷ ဥ=ဦ
        ნ=ჼ ᄀ=ㄱﾡ ᄁ=ㄲﾢ ᄂ=ㄴﾤ ᄃ=ㄷﾧ ᄄ=ㄸﾨ ᄅ=ㄹﾩ ᄆ=ㅁﾱ ᄇ=ㅂﾲ ᄈ=ㅃﾳ ᄉ=ㅅﾵ ᄊ=ㅆﾶ ᄋ=ㅇﾷ ᄌ=ㅈﾸ ᄍ=ㅉﾹ ᄎ=ㅊﾺ ᄏ=ㅋﾻ ᄐ=ㅌﾼ ᄑ=ㅍﾽ ᄒ=ㅎﾾ
        ᄔ=ㅥ ᄕ=ㅦ ᄚ=ㅀﾰ ᄜ=ㅮ ᄝ=ㅱ ᄞ=ㅲ ᄠ=ㅳ ᄡ=ㅄﾴ ᄢ=ㅴ ᄣ=ㅵ ᄧ=ㅶ ᄩ=ㅷ ᄫ=ㅸ ᄬ=ㅹ ᄭ=ㅺ ᄮ=ㅻ ᄯ=ㅼ ᄲ=ㅽ ᄶ=ㅾ ᅀ=ㅿ ᅇ=ㆀ ᅌ=ㆁ ᅗ=ㆄ ᅘ=ㆅ
        ᅙ=ㆆ ᅠ=ㅤﾠ ᅡ=ㅏￂ ᅢ=ㅐￃ ᅣ=ㅑￄ ᅤ=ㅒￅ ᅥ=ㅓￆ ᅦ=ㅔￇ ᅧ=ㅕￊ ᅨ=ㅖￋ ᅩ=ㅗￌ ᅪ=ㅘￍ ᅫ=ㅙￎ ᅬ=ㅚￏ ᅭ=ㅛￒ ᅮ=ㅜￓ ᅯ=ㅝￔ ᅰ=ㅞￕ ᅱ=ㅟￖ ᅲ=ㅠￗ
        ᅳ=ㅡￚ ᅴ=ㅢￛ ᅵ=ㅣￜ ᆄ=ㆇ ᆅ=ㆈ ᆈ=ㆉ ᆑ=ㆊ ᆒ=ㆋ ᆔ=ㆌ ᆞ=ㆍ ᆡ=ㆎ ᆪ=ㄳﾣ ᆬ=ㄵﾥ ᆭ=ㄶﾦ ᆰ=ㄺﾪ ᆱ=ㄻﾫ ᆲ=ㄼﾬ ᆳ=ㄽﾭ ᆴ=ㄾﾮ ᆵ=ㄿﾯ ᇇ=ㅧ ᇈ=ㅨ
        ᇌ=ㅩ ᇎ=ㅪ ᇓ=ㅫ ᇗ=ㅬ ᇙ=ㅭ ᇝ=ㅯ ᇟ=ㅰ ᇱ=ㆂ ᇲ=ㆃ ᴂ=ᵆ ᴖ=ᵔ ᴗ=ᵕ ᴜ=ᶸ ᴝ=ᵙ ᴥ=ᵜ ᵻ=ᶧ ᶅ=ᶪ ⵡ=ⵯ う=ゔ か=が き=ぎ く=ぐ け=げ こ=ご さ=ざ
        し=じ す=ず せ=ぜ そ=ぞ た=だ ち=ぢ つ=づ て=で と=ど は=ばぱ ひ=びぴ ふ=ぶぷ へ=べぺ ほ=ぼぽ より=ゟ ゝ=ゞ ァ=ｧ ア=ｱ ィ=ｨ イ=ｲ ゥ=ｩ ウ=ヴｳ ェ=ｪ
        エ=ｴ ォ=ｫ オ=ｵ カ=ガｶ キ=ギｷ ク=グｸ ケ=ゲｹ コ=ゴｺ コト=ヿ サ=ザｻ シ=ジｼ ス=ズｽ セ=ゼｾ ソ=ゾｿ タ=ダﾀ チ=ヂﾁ ッ=ｯ ツ=ヅﾂ テ=デﾃ ト=ドﾄ ナ=ﾅ
        ニ=ﾆ ヌ=ﾇ ネ=ﾈ ノ=ﾉ ハ=バパﾊ ヒ=ビピﾋ フ=ブプﾌ ヘ=ベペﾍ ホ=ボポﾎ マ=ﾏ ミ=ﾐ ム=ﾑ メ=ﾒ モ=ﾓ ャ=ｬ ヤ=ﾔ ュ=ｭ ユ=ﾕ ョ=ｮ ヨ=ﾖ ラ=ﾗ リ=ﾘ
        ル=ﾙ レ=ﾚ ロ=ﾛ ワ=ヷﾜ ヰ=ヸ ヱ=ヹ ヲ=ヺｦ ン=ﾝ ー=ｰ ヽ=ヾ 一=㆒㊀ 七=㊆ 三=㆔㊂ 九=㊈ 二=㆓㊁ 五=㊄ 八=㊇ 六=㊅ 十=〸㊉ 卄=〹 卅=〺 四=㆕㊃ ꜧ=ꭜ
        ꝯ=ꝰ ꬷ=ꭝ ꭒ=ꭟ
        """;
}
