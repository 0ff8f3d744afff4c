// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {AssetFactory} from "../src/AssetFactory.sol";
import {Fixture} from "./Fixture.sol";
import {Ledger} from "../src/Ledger.sol";
import {ShareToken} from "../src/ShareToken.sol";
import {TestDollar} from "../src/TestDollar.sol";

/// Random members doing everything there is to do with shares, in any order; and beside it a second, naive book: whenever
/// money is spread, each member is credited by what they hold and by what waits for them in the ledger.
contract SharesHandler is Fixture {
    uint256 public constant ACTORS = 6;
    uint256 private constant MAX_EPOCHS = 16;
    uint256 private constant PAYER_KEY = uint256(keccak256("payer"));

    /// A leaf, by the naive book.
    struct Leaf {
        Ledger.Claim claim;
        bytes32 salt;
        /// Steps and shares handed out so far.
        uint256 steps;
        uint256 released;
        /// Nothing more is due: all of it was handed out, or the rest has lapsed.
        bool over;
        /// The last epoch posted before it was withdrawn; the number is one more, 0 while it was not.
        uint256 withdrawnAfter;
    }

    uint8 private immutable VESTING;

    /// What a member has earned, in units of 2^-128, by the naive book.
    mapping(address member => uint256) public earned;
    /// Shares that wait for a member in the ledger, vested or not.
    mapping(address member => uint256) public waiting;
    uint256 public minted;
    uint256 public burnt;
    uint256 public distributed;
    /// What lapsed while there were too few shares to spread it over, in units of 2^-128.
    uint256 public unspread;
    Leaf[][] private _epochs;
    uint256 private _nonce;

    constructor(uint8 vesting) {
        VESTING = vesting;
    }

    function setUp() public override {
        super.setUp();
        AssetFactory.AssetParams memory p = params("shares");
        p.vestingEpochs = VESTING;
        useAsset(p);
    }

    function actor(uint256 seed) public pure returns (address) {
        return member(seed % ACTORS);
    }

    function postEpoch(uint256 seed, uint8 size) external {
        if (_epochs.length == MAX_EPOCHS) return;
        uint256 n = size % 6;
        address[] memory owners = new address[](n);
        uint256[] memory amounts = new uint256[](n);
        for (uint256 i = 0; i < n; i++) {
            uint256 r = uint256(keccak256(abi.encode(seed, i)));
            owners[i] = actor(r);
            // From dust to a large part of the cap: magnitudes matter more than digits.
            amounts[i] = (r >> 16) % (uint256(1) << ((r >> 8) % 78));
        }
        Ledger.Claim[] memory claims = claimsOf(owners, amounts);
        Leaf[] storage leaves = _epochs.push();
        for (uint256 i = 0; i < n; i++) {
            bytes32 salt = bytes32(++_nonce);
            claims[i].contribution = ledger.contributionOf(owners[i], salt);
            Leaf storage leaf = leaves.push();
            (leaf.claim, leaf.salt) = (claims[i], salt);
            waiting[owners[i]] += amounts[i];
            minted += amounts[i];
        }
        post(claims);
    }

    /// At any time: before anything has vested, when some has, after a withdrawal, twice.
    function claimShares(uint256 seed) external {
        if (_epochs.length == 0) return;
        uint256 e = seed % _epochs.length;
        if (_epochs[e].length != 0) claimAt(e, (seed >> 64) % _epochs[e].length);
    }

    function claimAt(uint256 e, uint256 i) private {
        uint256 before = token.accumulator();
        bytes32[] memory proof = proofOf(leavesOf(claimsAt(e)), i);
        (bool ok,) = address(ledger).call(abi.encodeCall(ledger.claim, (_epochs[e][i].claim, proof)));
        vm.assertTrue(ok == hands(_epochs[e][i], before), "what is due can be claimed");
        spread(before);
    }

    function claimManyShares(uint256 seed) external {
        if (_epochs.length != 0) claimAll(seed % _epochs.length);
    }

    function claimAll(uint256 e) private {
        uint256 before = token.accumulator();
        uint256 released = ledger.claimMany(claimsAt(e), new bytes32[](0));
        uint256 due = 0;
        for (uint256 i = 0; i < _epochs[e].length; i++) {
            if (hands(_epochs[e][i], before)) due++;
        }
        vm.assertEq(released, due, "so many were due");
        spread(before);
    }

    function claimsAt(uint256 e) private view returns (Ledger.Claim[] memory claims) {
        claims = new Ledger.Claim[](_epochs[e].length);
        for (uint256 i = 0; i < claims.length; i++) {
            claims[i] = _epochs[e][i].claim;
        }
    }

    /// The owner, whether anything of it has vested or was claimed or not.
    function withdraw(uint256 seed) external {
        if (_epochs.length == 0) return;
        uint256 e = seed % _epochs.length;
        if (_epochs[e].length == 0) return;
        Leaf storage leaf = _epochs[e][(seed >> 64) % _epochs[e].length];
        vm.prank(leaf.claim.owner);
        (bool ok,) = address(ledger).call(abi.encodeCall(ledger.withdraw, (leaf.claim.owner, leaf.salt, 0, "")));
        vm.assertTrue(ok == (leaf.withdrawnAfter == 0), "once");
        if (ok) leaf.withdrawnAfter = _epochs.length + 1;
    }

    function transfer(uint256 fromSeed, uint256 toSeed, uint256 amount) external {
        address from = actor(fromSeed);
        // All of it now and then.
        amount = amount % 4 == 0 ? token.balanceOf(from) : bound(amount, 0, token.balanceOf(from));
        vm.prank(from);
        token.transfer(actor(toSeed), amount);
    }

    /// To anybody, oneself, or nobody.
    function delegate(uint256 fromSeed, uint256 toSeed) external {
        vm.prank(actor(fromSeed));
        token.delegate(toSeed % 8 == 0 ? address(0) : actor(toSeed >> 3));
    }

    function distributeByAllowance(uint256 amount) external {
        distributeAny(amount, 0);
    }

    function distributeSigned(uint256 amount) external {
        distributeAny(amount, 1);
    }

    function distributePlain(uint256 amount) external {
        distributeAny(amount, 2);
    }

    function distributeAny(uint256 amount, uint256 way) private {
        if (token.totalSupply() < token.MIN_SUPPLY_FOR_DIVIDENDS()) return;
        amount = bound(amount, 1, uint256(1) << (amount % 80));
        uint256 before = token.accumulator();
        if (way == 2) {
            dollar.mint(address(token), amount);
            // What others pay in between is theirs, and counted once.
            distribute(amount);
            token.sync();
            distributed += amount;
        } else if (way == 1) {
            address payer = vm.addr(PAYER_KEY);
            dollar.mint(payer, amount);
            bytes32 nonce = bytes32(++_nonce);
            bytes memory s = signature(PAYER_KEY, receiveDigest(payer, address(token), amount, DEADLINE, nonce));
            token.distributeWithAuthorization(payer, amount, 0, DEADLINE, nonce, s);
        } else {
            distribute(amount);
        }
        distributed += amount;
        spread(before);
    }

    function claimDividends(uint256 seed) external {
        token.claim(actor(seed));
    }

    function passTime(uint256 seconds_) external {
        vm.warp(vm.getBlockTimestamp() + bound(seconds_, 1, 1 days));
    }

    // The naive book

    /// Hands out what has vested of a leaf, and burns the rest when it was withdrawn. Says whether anything was due.
    function hands(Leaf storage leaf, uint256 accumulator) private returns (bool) {
        Ledger.Claim storage c = leaf.claim;
        bool lapses = VESTING != 0 && leaf.withdrawnAfter != 0;
        uint256 all = VESTING == 0 ? 1 : VESTING;
        uint256 last = lapses ? leaf.withdrawnAfter - 1 : _epochs.length;
        uint256 steps = VESTING == 0 ? 1 : last > c.epoch ? last - c.epoch : 0;
        if (steps > all) steps = all;
        if (leaf.over || (steps <= leaf.steps && !lapses)) return false;
        leaf.over = lapses || steps == all;
        if (steps > leaf.steps) {
            uint256 vested = c.amount * steps / all - leaf.released;
            (leaf.steps, leaf.released) = (steps, leaf.released + vested);
            waiting[c.owner] -= vested;
        }
        if (!lapses) return true;
        uint256 lapsed = c.amount - leaf.released;
        uint256 earnedByIt = lapsed * (accumulator - ledger.accumulatorAtPosting(c.epoch));
        waiting[c.owner] -= lapsed;
        burnt += lapsed;
        // Not its owner's any more, but all others'.
        earned[c.owner] -= earnedByIt;
        unspread += earnedByIt;
        return true;
    }

    /// What was raised since then is everybody's, by the shares that they hold and that wait for them.
    function spread(uint256 before) private {
        uint256 raised = token.accumulator() - before;
        for (uint256 i = 0; i < ACTORS; i++) {
            address a = actor(i);
            earned[a] += raised * (token.balanceOf(a) + waiting[a]);
        }
        // With it went what had waited for the next distribution.
        if (raised != 0) unspread = 0;
    }

    // What the invariants read

    /// Dividends that wait in the ledger for each member, in units of 2^-128.
    function waitingDividends() external view returns (uint256[ACTORS] memory sums) {
        uint256 accumulator = token.accumulator();
        for (uint256 e = 0; e < _epochs.length; e++) {
            uint256 since = accumulator - ledger.accumulatorAtPosting(uint64(e + 1));
            for (uint256 i = 0; i < _epochs[e].length; i++) {
                Leaf storage leaf = _epochs[e][i];
                if (leaf.over) continue;
                for (uint256 a = 0; a < ACTORS; a++) {
                    if (actor(a) == leaf.claim.owner) sums[a] += (leaf.claim.amount - leaf.released) * since;
                }
            }
        }
    }

    function contracts() external view returns (ShareToken, Ledger, TestDollar) {
        return (token, ledger, dollar);
    }

    /// Everything vests, and everybody fetches all that is theirs.
    function end() external {
        for (uint256 i = 0; i < VESTING; i++) {
            _epochs.push();
            post(new Ledger.Claim[](0));
        }
        for (uint256 e = 0; e < _epochs.length; e++) {
            claimAll(e);
        }
        for (uint256 i = 0; i < ACTORS; i++) {
            token.claim(actor(i));
        }
    }
}

/// For an asset whose shares vest in so many epochs.
abstract contract SharesInvariants is Fixture {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    SharesHandler private handler;

    function vesting() internal pure virtual returns (uint8);

    function setUp() public override {
        handler = new SharesHandler(vesting());
        handler.setUp();
        (token, ledger, dollar) = handler.contracts();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0].addr = address(handler);
        bytes4[12] memory s = [
            SharesHandler.postEpoch.selector,
            SharesHandler.postEpoch.selector,
            SharesHandler.claimShares.selector,
            SharesHandler.claimManyShares.selector,
            SharesHandler.withdraw.selector,
            SharesHandler.transfer.selector,
            SharesHandler.delegate.selector,
            SharesHandler.distributeByAllowance.selector,
            SharesHandler.distributeSigned.selector,
            SharesHandler.distributePlain.selector,
            SharesHandler.claimDividends.selector,
            SharesHandler.passTime.selector
        ];
        targets[0].selectors = new bytes4[](s.length);
        for (uint256 i = 0; i < s.length; i++) {
            targets[0].selectors[i] = s[i];
        }
    }

    /// One campaign for all: forge would run the same calls again for each.
    function invariant_MoneyDividendsSharesAndVotesAreAccountedFor() public view {
        moneyIsAccountedForToTheUnit();
        nobodyGainsOrLosesByWhenTheyClaim();
        sharesAreTheSumOfWhatWasPostedAndHasNotLapsed();
        votesAreWhatWasDelegated();
    }

    /// paid + claimable + dust = received, and dust is at most one unit for each account, the ledger among them; but for what
    /// lapsed when there were too few shares.
    function moneyIsAccountedForToTheUnit() private view {
        uint256 claimable = token.claimable(address(ledger));
        for (uint256 i = 0; i < handler.ACTORS(); i++) {
            claimable += token.claimable(handler.actor(i));
        }
        vm.assertEq(token.dividendsReceived(), handler.distributed(), "received");
        vm.assertLe(token.dividendsPaid() + claimable, token.dividendsReceived(), "never more than was received");
        vm.assertLe(token.dividendsReceived() - token.dividendsPaid() - claimable, dust(), "dust");
        vm.assertEq(
            dollar.balanceOf(address(token)), token.dividendsReceived() - token.dividendsPaid(), "money is there"
        );
    }

    function dust() private view returns (uint256) {
        return handler.ACTORS() + 1 + (handler.unspread() >> 128);
    }

    /// Early or late, often or once, with shares bought, sold or waiting: all earn what the naive book says, to the unit.
    function nobodyGainsOrLosesByWhenTheyClaim() private view {
        uint256 waiting = 0;
        uint256[6] memory inLedger = handler.waitingDividends();
        for (uint256 i = 0; i < handler.ACTORS(); i++) {
            address a = handler.actor(i);
            waiting += inLedger[i];
            vm.assertEq(
                token.dividendsPaidTo(a) + token.claimable(a),
                (handler.earned(a) - inLedger[i]) >> 128,
                "a member's dividends"
            );
        }
        vm.assertEq(token.claimable(address(ledger)), waiting >> 128, "dividends of unclaimed shares");
    }

    function sharesAreTheSumOfWhatWasPostedAndHasNotLapsed() private view {
        uint256 held = 0;
        uint256 waiting = 0;
        uint256 holders = 0;
        for (uint256 i = 0; i < handler.ACTORS(); i++) {
            address a = handler.actor(i);
            held += token.balanceOf(a);
            waiting += handler.waiting(a);
            if (token.balanceOf(a) != 0) holders++;
        }
        vm.assertEq(token.totalSupply(), handler.minted() - handler.burnt(), "minted and not lapsed");
        vm.assertEq(token.balanceOf(address(ledger)), waiting, "unclaimed");
        vm.assertEq(held + waiting, token.totalSupply(), "sum");
        vm.assertEq(token.holders(), holders, "owners");
        uint256 unclaimed = 0;
        for (uint64 e = 1; e <= ledger.latestEpoch(); e++) {
            Ledger.Epoch memory epoch = ledger.epochOf(e);
            vm.assertLe(epoch.claimed, epoch.total, "claimed of an epoch");
            unclaimed += epoch.total - epoch.claimed;
        }
        vm.assertEq(unclaimed, waiting, "by epochs");
    }

    /// Every share that is held votes for whom its owner named, none that waits, and none twice.
    function votesAreWhatWasDelegated() private view {
        uint256 n = handler.ACTORS();
        for (uint256 i = 0; i < n; i++) {
            address a = handler.actor(i);
            uint256 votes = 0;
            for (uint256 j = 0; j < n; j++) {
                if (token.delegates(handler.actor(j)) == a) votes += token.balanceOf(handler.actor(j));
            }
            vm.assertEq(token.getVotes(a), votes, "votes");
        }
        vm.assertEq(token.getVotes(address(ledger)), 0, "the ledger's");
    }

    /// At the end of every run all is claimed: what each got is what the naive book says, and only dust is left.
    function afterInvariant() public {
        handler.end();
        for (uint256 i = 0; i < handler.ACTORS(); i++) {
            address a = handler.actor(i);
            vm.assertEq(dollar.balanceOf(a), handler.earned(a) >> 128, "paid in the end");
        }
        vm.assertEq(token.balanceOf(address(ledger)), 0, "no shares are left");
        vm.assertEq(token.claimable(address(ledger)), 0, "no dividends are left");
        vm.assertLe(dollar.balanceOf(address(token)), dust(), "but dust");
    }
}

contract SharesInvariantTest is SharesInvariants {
    function vesting() internal pure override returns (uint8) {
        return 0;
    }
}

contract VestingInvariantTest is SharesInvariants {
    function vesting() internal pure override returns (uint8) {
        return 3;
    }
}
